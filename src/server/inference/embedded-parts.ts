/** A remote server that needs nobody: records, blobs and its own key in one folder, and evaluations in processes of its own. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../hosting/log.ts';
import { Metrics } from '../hosting/metrics.ts';
import { ServerIdentity } from '../hosting/server-identity.ts';
import { Staging } from '../hosting/staging.ts';
import { StorageRoom } from '../hosting/storage-room.ts';
import { Ballast, BALLAST_BYTES } from '../storage/ballast.ts';
import { diskSpace } from '../storage/disk-space.ts';
import { FileBlobStore } from '../storage/file-blob-store.ts';
import { SqliteMetadataStore } from '../storage/sqlite-metadata-store.ts';
import { lockState } from '../storage/state-lock.ts';
import { RateLimiter } from '../transport/rate-limiter.ts';
import type { ServerConfiguration } from './configuration.ts';
import { EvaluatorPool } from './evaluation/evaluator-pool.ts';
import { ModelCatalog } from './model-catalog.ts';
import type { ServerParts } from './server-parts.ts';
import { assembleServices } from './server-parts.ts';
import { ownWork } from './work/own-work.ts';

/** Loads the models. @throws BackendError STATE_IN_USE; ArtifactError */
export async function openEmbeddedParts(
  artifacts: readonly string[],
  configuration: ServerConfiguration,
  log: Log,
): Promise<ServerParts> {
  const { stateFolder, limits } = configuration;
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
  const staging = new Staging(store, blobs, room);
  const pool = new EvaluatorPool(limits.maxMemoryBytes, log, metrics);
  const { queue, worker } = ownWork({
    ...{ store, blobs, staging, pool, models: catalog, configuration, log, metrics },
  });
  const buckets = new RateLimiter(limits.requestsPerSecond, limits.requestBurst);
  const services = assembleServices({
    ...{
      configuration,
      identity,
      catalog,
      store,
      blobs,
      staging,
      queue,
      holders: pool,
      buckets,
      metrics,
      log,
    },
  });
  return {
    ...{ services, store, queue, pool },
    async start() {
      const recovered = await services.sessions.recover();
      worker.start();
      return recovered;
    },
    trouble: async () => (room.full ? 'storage full' : null),
    trim: () => ballast.takeAboard(),
    drain: (graceMs) => worker.drain(graceMs),
    async close() {
      await pool[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      lock[Symbol.dispose]();
    },
  };
}
