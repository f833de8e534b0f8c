/** Who does the jobs of a queue, with what that takes: the same beside a server and in a process of its own. */
import type { NearBlobs } from '../../storage/near-blobs.ts';
import type { Metrics } from '../../hosting/metrics.ts';
import type { ServerConfiguration } from '../configuration.ts';
import { EvaluationRunner } from './evaluation-runner.ts';
import type { JobWorkerParts } from './job-worker.ts';
import { JobWorker } from './job-worker.ts';
import { KeyLoading } from './key-loading.ts';

export interface WorkerSurroundings extends Omit<JobWorkerParts, 'loading' | 'runner'> {
  readonly near: NearBlobs;
  readonly configuration: Pick<ServerConfiguration, 'limits' | 'threads'>;
  readonly metrics: Metrics;
}

/** @param keysAtOnce key sets that are loaded at the same time */
export function assembleWorker(parts: WorkerSurroundings, keysAtOnce: number): JobWorker {
  const { near, configuration, metrics, ...others } = parts;
  const { limits, threads } = configuration;
  const { staging, pool, log } = others;
  const loading = new KeyLoading(staging, near, pool, { threads, maxMemoryBytes: limits.maxMemoryBytes });
  const runner = new EvaluationRunner(loading, near, limits.evaluationTimeoutMs, log, metrics);
  return new JobWorker(
    { ...others, loading, runner },
    { keys: keysAtOnce, session: limits.evaluationsAtOnce },
  );
}
