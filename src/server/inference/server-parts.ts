/** What any remote server is made of, wherever its records and blobs lie and whoever does its work. */
import { Authentication } from '../hosting/authentication.ts';
import { EnrolmentOffice } from '../hosting/enrolment.ts';
import type { Log } from '../hosting/log.ts';
import type { Metrics } from '../hosting/metrics.ts';
import type { TokenBuckets } from '../hosting/request-rates.ts';
import { requestRates } from '../hosting/request-rates.ts';
import type { ServerIdentity } from '../hosting/server-identity.ts';
import type { Staging } from '../hosting/staging.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { EvaluationQueue } from '../storage/evaluation-queue.ts';
import type { MetadataStore } from '../storage/metadata-store.ts';
import type { ServerConfiguration } from './configuration.ts';
import type { EvaluatorPool } from './evaluation/evaluator-pool.ts';
import type { KeyHolders } from './key-provisioning.ts';
import { KeyProvisioning } from './key-provisioning.ts';
import type { ModelCatalog } from './model-catalog.ts';
import type { InferenceServices } from './services.ts';
import { Sessions } from './sessions.ts';

export interface ServerParts {
  readonly services: InferenceServices;
  readonly store: MetadataStore;
  readonly queue: EvaluationQueue;
  /** Evaluation processes of this server; null: others do its work. */
  readonly pool: EvaluatorPool | null;
  /** @returns how many evaluations were taken up */
  start(): Promise<number>;
  /** Why nothing can be taken now, for people; null: it can. */
  trouble(): Promise<string | null>;
  /** Once a minute, besides what has expired. */
  trim(): Promise<void>;
  /** Takes no more jobs; what is under way here gets a while to end, and waits again then. */
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

export function assembleServices(parts: {
  readonly configuration: ServerConfiguration;
  readonly identity: ServerIdentity;
  readonly catalog: ModelCatalog;
  readonly store: MetadataStore;
  readonly blobs: Pick<BlobStore, 'get'>;
  readonly staging: Staging;
  readonly queue: EvaluationQueue;
  readonly holders: KeyHolders;
  /** Where calls are counted. */
  readonly buckets: TokenBuckets;
  readonly metrics: Metrics;
  readonly log: Log;
}): InferenceServices {
  const { configuration, identity, catalog, store, blobs, staging, queue, holders, buckets, metrics, log } =
    parts;
  const { limits, enrolment } = configuration;
  const authentication = new Authentication(store, requestRates(buckets), {
    clockSkewMs: limits.clockSkewMs,
    unsigned: enrolment.unsigned,
    serverKeyId: identity.id,
  });
  const keys = new KeyProvisioning({ store, staging, queue, holders, catalog, limits });
  return {
    ...{ configuration, identity, catalog, authentication, keys, metrics, log },
    enrolment: new EnrolmentOffice(store, authentication, enrolment, limits),
    sessions: new Sessions({ store, blobs, staging, queue, keys, catalog, limits }),
  };
}
