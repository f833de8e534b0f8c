/** The limits of a server as its queue takes them. */
import type { PostgresQueueOptions } from '../../storage/postgres/postgres-queue.ts';
import type { ServerLimits } from '../configuration.ts';

export function queueRules(
  limits: ServerLimits,
): Pick<
  PostgresQueueOptions,
  'capacity' | 'capacityPerClient' | 'concurrencyPerClient' | 'quantum' | 'quantumMs'
> {
  return {
    capacity: limits.queueCapacity,
    capacityPerClient: limits.queueCapacityPerClient,
    concurrencyPerClient: limits.evaluationsAtOncePerClient,
    quantum: limits.queueQuantum,
    quantumMs: limits.queueQuantumMs,
  };
}
