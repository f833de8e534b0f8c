/** A server that does its own work: queue and worker in its own process. */
import type { FileBlobStore } from '../../storage/file-blob-store.ts';
import { EmbeddedQueue } from '../../storage/embedded-queue.ts';
import type { EvaluationQueue } from '../../storage/evaluation-queue.ts';
import type { MetadataStore } from '../../storage/metadata-store.ts';
import { blobsAtHand } from '../../storage/near-blobs.ts';
import type { Log } from '../../hosting/log.ts';
import type { Metrics } from '../../hosting/metrics.ts';
import type { Staging } from '../../hosting/staging.ts';
import type { ServerConfiguration } from '../configuration.ts';
import type { EvaluatorPool } from '../evaluation/evaluator-pool.ts';
import { EvaluationRunner } from './evaluation-runner.ts';
import { KeyLoading } from './key-loading.ts';
import type { ModelSource } from '../model-catalog.ts';
import { JobWorker } from './job-worker.ts';

export interface OwnWork {
  readonly queue: EvaluationQueue;
  readonly worker: JobWorker;
}

export function ownWork(parts: {
  readonly store: MetadataStore;
  readonly blobs: Pick<FileBlobStore, 'location'>;
  readonly staging: Staging;
  readonly pool: EvaluatorPool;
  readonly models: ModelSource;
  readonly configuration: Pick<ServerConfiguration, 'limits' | 'threads'>;
  readonly log: Log;
  readonly metrics: Metrics;
}): OwnWork {
  const { store, staging, pool, models, log, metrics } = parts;
  const { limits, threads } = parts.configuration;
  const queue = new EmbeddedQueue(store, {
    capacity: limits.queueCapacity,
    capacityPerClient: limits.queueCapacityPerClient,
    concurrencyPerClient: limits.evaluationsAtOncePerClient,
    quantum: limits.queueQuantum,
    quantumMs: limits.queueQuantumMs,
  });
  const near = blobsAtHand(parts.blobs.location);
  const loading = new KeyLoading(staging, near, pool, { threads, maxMemoryBytes: limits.maxMemoryBytes });
  const runner = new EvaluationRunner(loading, near, limits.evaluationTimeoutMs, log, metrics);
  const worker = new JobWorker(
    { store, queue, staging, pool, models, loading, runner, log },
    // Keys are looked at when they come: memory is the bound.
    { keys: Infinity, session: limits.evaluationsAtOnce },
  );
  return { queue, worker };
}
