/** How many calls of one name are let through, wherever that is counted. */
import { ToolError } from '../protocol/error-codes.ts';

export interface RequestRates {
  /** Counts one call. @throws ToolError ERROR_RATE_LIMITED with how long to wait */
  take(name: string): Promise<void>;
}

/** Token buckets of this process, or of all that share a database. */
export interface TokenBuckets {
  /** 0 if there was a token, which is taken; else for how long to wait, in ms. */
  tryTake(name: string): number | Promise<number>;
}

export function requestRates(buckets: TokenBuckets): RequestRates {
  return {
    async take(name) {
      const retryAfterMs = await buckets.tryTake(name);
      if (retryAfterMs > 0) throw new ToolError('ERROR_RATE_LIMITED', 'too many requests', { retryAfterMs });
    },
  };
}
