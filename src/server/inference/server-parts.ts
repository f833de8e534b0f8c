/** What the remote server is made of: each part is chosen here, and given what it works with. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Ballast, BALLAST_BYTES } from '../storage/ballast.ts';
import { diskSpace } from '../storage/disk-space.ts';
import type { EvaluationQueue } from '../storage/evaluation-queue.ts';
import { FileBlobStore } from '../storage/file-blob-store.ts';
import type { MetadataStore } from '../storage/metadata-store.ts';
import { SqliteMetadataStore } from '../storage/sqlite-metadata-store.ts';
import { lockState } from '../storage/state-lock.ts';
import { RateLimiter } from '../transport/rate-limiter.ts';
import { Authentication } from '../hosting/authentication.ts';
import type { ServerConfiguration } from './configuration.ts';
import { EnrolmentOffice } from '../hosting/enrolment.ts';
import { EvaluatorPool } from './evaluation/evaluator-pool.ts';
import { KeyProvisioning } from './key-provisioning.ts';
import type { Log } from '../hosting/log.ts';
import { Metrics } from '../hosting/metrics.ts';
import { ModelCatalog } from './model-catalog.ts';
import { ServerIdentity } from '../hosting/server-identity.ts';
import type { InferenceServices } from './services.ts';
import { Sessions } from './sessions.ts';
import { Staging } from '../hosting/staging.ts';
import { StorageRoom } from '../hosting/storage-room.ts';
import { ownWork } from './work/own-work.ts';
import type { JobWorker } from './work/job-worker.ts';

export interface ServerParts {
  readonly services: InferenceServices;
  readonly pool: EvaluatorPool;
  readonly store: MetadataStore;
  readonly queue: EvaluationQueue;
  readonly worker: JobWorker;
  readonly room: StorageRoom;
  readonly ballast: Ballast;
  /** On the state folder, which is nobody else's. */
  readonly lock: Disposable;
}

/** Loads the models. @throws BackendError STATE_IN_USE; ArtifactError */
export async function openParts(
  artifacts: readonly string[],
  configuration: ServerConfiguration,
  log: Log,
): Promise<ServerParts> {
  const { stateFolder, limits, enrolment } = configuration;
  const catalog = await ModelCatalog.load(artifacts);
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  const lock = await lockState(stateFolder);
  const ballast = new Ballast(stateFolder);
  // A server starts on a full disk, too: only then can what it has be discarded.
  if (diskSpace(stateFolder).free < BALLAST_BYTES) ballast.throwOff();
  const identity = await ServerIdentity.open(stateFolder);
  const blobs = await FileBlobStore.open(join(stateFolder, 'blobs'));
  const store = await SqliteMetadataStore.open(join(stateFolder, 'server.db'), () => ballast.throwOff());
  const room = new StorageRoom(store, stateFolder, limits, ballast);
  const metrics = new Metrics();
  const limiter = new RateLimiter(limits.requestsPerSecond, limits.requestBurst);
  const authentication = new Authentication(store, limiter, {
    clockSkewMs: limits.clockSkewMs,
    unsigned: enrolment.unsigned,
    serverKeyId: identity.id,
  });
  const staging = new Staging(store, blobs, room);
  const pool = new EvaluatorPool(limits.maxMemoryBytes, log, metrics);
  const { queue, worker } = ownWork({
    ...{ store, blobs, staging, pool, models: catalog, configuration, log, metrics },
  });
  const keys = new KeyProvisioning({ store, staging, queue, holders: pool, catalog, limits });
  const sessions = new Sessions({ store, blobs, staging, queue, keys, catalog, limits });
  const services: InferenceServices = {
    configuration,
    identity,
    catalog,
    authentication,
    enrolment: new EnrolmentOffice(store, authentication, enrolment, limits),
    keys,
    sessions,
    metrics,
    log,
  };
  return { services, pool, store, queue, worker, room, ballast, lock };
}
