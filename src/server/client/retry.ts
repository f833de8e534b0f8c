/** Trying again: exponential backoff with full jitter, bounded in number and time. Every call of the protocol may be repeated. */
import { setTimeout as delay } from 'node:timers/promises';
import { isRetryable, ToolError } from '../protocol/error-codes.ts';
import { ConnectionFailure } from './connection.ts';

export interface RetryPolicy {
  readonly attempts: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

export const DEFAULT_RETRIES: RetryPolicy = { attempts: 8, firstDelayMs: 200, maxDelayMs: 15_000 };

/** How long to wait before the next attempt, or null if there is no point in one. */
export function retryDelay(
  error: unknown,
  attempt: number,
  policy: RetryPolicy,
  random = Math.random(),
): number | null {
  if (attempt >= policy.attempts) return null;
  const ceiling = Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** (attempt - 1));
  const backoff = ceiling / 2 + (ceiling / 2) * random;
  if (!(error instanceof ToolError)) return null;
  if (error instanceof ConnectionFailure ? error.permanent : !isRetryable(error.code)) return null;
  return Math.max(backoff, Math.min(error.retryAfterMs ?? 0, policy.maxDelayMs));
}

/** @param attempt is given its number, from 1 */
export async function withRetries<T>(
  attempt: (number: number) => Promise<T>,
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (let number = 1; ; number++) {
    signal?.throwIfAborted();
    try {
      return await attempt(number);
    } catch (error) {
      signal?.throwIfAborted();
      const wait = retryDelay(error, number, policy);
      if (wait === null) throw error;
      await delay(wait, undefined, signal === undefined ? {} : { signal });
    }
  }
}
