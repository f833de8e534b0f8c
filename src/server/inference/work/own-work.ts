/** A server that does its own work: queue and worker in its own process. */
import { EmbeddedQueue } from '../../storage/embedded-queue.ts';
import type { EvaluationQueue } from '../../storage/evaluation-queue.ts';
import type { FileBlobStore } from '../../storage/file-blob-store.ts';
import { blobsAtHand } from '../../storage/near-blobs.ts';
import type { WorkerSurroundings } from './assemble-worker.ts';
import { assembleWorker } from './assemble-worker.ts';
import type { JobWorker } from './job-worker.ts';
import { queueRules } from './queue-rules.ts';

export interface OwnWork {
  readonly queue: EvaluationQueue;
  readonly worker: JobWorker;
}

export function ownWork({
  blobs,
  ...parts
}: Omit<WorkerSurroundings, 'queue' | 'near'> & {
  readonly blobs: Pick<FileBlobStore, 'location'>;
}): OwnWork {
  const queue = new EmbeddedQueue(parts.store, queueRules(parts.configuration.limits));
  // Keys are looked at when they come: memory is the bound.
  const worker = assembleWorker({ ...parts, queue, near: blobsAtHand(blobs.location) }, Infinity);
  return { queue, worker };
}
