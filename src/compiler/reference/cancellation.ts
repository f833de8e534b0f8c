import { BackendError } from '../../errors.ts';

/** @throws BackendError CANCELLED if the caller has asked to stop */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new BackendError('CANCELLED', 'the operation was cancelled');
}
