import { describe, expect, it } from 'vitest';
import { ToolError } from '../protocol/error-codes.ts';
import { ConnectionFailure } from './connection.ts';
import type { RetryPolicy } from './retry.ts';
import { DEFAULT_RETRIES, retryDelay, withRetries } from './retry.ts';

const QUICK: RetryPolicy = { attempts: 4, firstDelayMs: 1, maxDelayMs: 4 };

function failing(times: number, error: Error): { run: () => Promise<string>; calls: () => number } {
  let calls = 0;
  const run = async (): Promise<string> => {
    calls++;
    if (calls <= times) throw error;
    return 'done';
  };
  return { run, calls: () => calls };
}

describe('retryDelay', () => {
  const broken = new ConnectionFailure('broken', false);

  it('doubles up to its maximum, with jitter of a half', () => {
    const range = (attempt: number): [number | null, number | null] => [
      retryDelay(broken, attempt, DEFAULT_RETRIES, 0),
      retryDelay(broken, attempt, DEFAULT_RETRIES, 1),
    ];
    expect([1, 2, 3].map(range)).toEqual([
      [100, 200],
      [200, 400],
      [400, 800],
    ]);
    expect(range(7)).toEqual([6400, 12_800]);
    const stubborn = { ...DEFAULT_RETRIES, attempts: 99 };
    expect(retryDelay(broken, 50, stubborn, 1)).toBe(DEFAULT_RETRIES.maxDelayMs);
    expect(retryDelay(broken, DEFAULT_RETRIES.attempts, DEFAULT_RETRIES)).toBeNull();
  });

  it('waits at least as long as the server asks, but not for ever', () => {
    const busy = (retryAfterMs: number): ToolError => new ToolError('ERROR_BUSY', 'busy', { retryAfterMs });
    expect(retryDelay(busy(3000), 1, DEFAULT_RETRIES, 0)).toBe(3000);
    expect(retryDelay(busy(1e9), 1, DEFAULT_RETRIES, 0)).toBe(DEFAULT_RETRIES.maxDelayMs);
  });

  it.each([
    ['what the server will refuse again', new ToolError('ERROR_UNAUTHORIZED', 'no')],
    ['what no attempt can mend', new ConnectionFailure('certificate', true)],
    ['bugs of ours', new TypeError('bug')],
  ])('is none for %s', (_what, error) => {
    expect(retryDelay(error, 1, DEFAULT_RETRIES)).toBeNull();
  });
});

describe('withRetries', () => {
  it('tries until it works, or until enough', async () => {
    const passing = failing(3, new ConnectionFailure('broken', false));
    expect(await withRetries(passing.run, QUICK, undefined)).toBe('done');
    expect(passing.calls()).toBe(4);
    const lasting = failing(4, new ToolError('ERROR_BUSY', 'busy'));
    await expect(withRetries(lasting.run, QUICK, undefined)).rejects.toMatchObject({ code: 'ERROR_BUSY' });
    expect(lasting.calls()).toBe(4);
  });

  it('stops when it is cancelled, also while it waits', async () => {
    const controller = new AbortController();
    const broken = failing(10, new ConnectionFailure('broken', false));
    const slow: RetryPolicy = { attempts: 5, firstDelayMs: 60_000, maxDelayMs: 60_000 };
    const running = withRetries(broken.run, slow, controller.signal);
    setTimeout(() => controller.abort(), 5);
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    expect(broken.calls()).toBe(1);
  });
});
