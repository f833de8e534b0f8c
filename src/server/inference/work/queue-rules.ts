/** The limits of a server as any queue takes them. */
import type { EmbeddedQueueOptions } from '../../storage/embedded-queue.ts';
import type { ServerLimits } from '../configuration.ts';

export function queueRules(limits: ServerLimits): EmbeddedQueueOptions {
  return {
    capacity: limits.queueCapacity,
    capacityPerClient: limits.queueCapacityPerClient,
    concurrencyPerClient: limits.evaluationsAtOncePerClient,
    quantum: limits.queueQuantum,
    quantumMs: limits.queueQuantumMs,
  };
}
