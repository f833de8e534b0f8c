/** Token buckets by a clock of the test's own: what is let through, and what is kept when names come in floods. */
import { describe, expect, it } from 'vitest';
import { RateLimiter } from './rate-limiter.ts';

const PER_SECOND = 10;
const BURST = 5;
const MAX_BUCKETS = 100_000;

function limiter(): RateLimiter {
  return new RateLimiter(PER_SECOND, BURST);
}

/** How many calls in a row are let through at this time. */
function allowance(limited: RateLimiter, name: string, now: number): number {
  for (let count = 0; ; count++) {
    try {
      limited.take(name, now);
    } catch {
      return count;
    }
  }
}

function flood(limited: RateLimiter, count: number, now: number, prefix = 'flood'): void {
  for (let i = 0; i < count; i++) limited.take(`${prefix} ${i}`, now);
}

describe('a bucket', () => {
  it('lets a burst through, then the sustained rate, and never more than a burst', () => {
    const limited = limiter();
    expect(allowance(limited, 'a', 0)).toBe(BURST);
    expect(allowance(limited, 'a', 99)).toBe(0);
    expect(allowance(limited, 'a', 300)).toBe(3);
    expect(allowance(limited, 'a', 1e9)).toBe(BURST);
  });

  it('says when the next call is let through, and is right', () => {
    const limited = limiter();
    allowance(limited, 'a', 0);
    expect(() => limited.take('a', 40)).toThrow(
      expect.objectContaining({ code: 'ERROR_RATE_LIMITED', retryAfterMs: 60 }),
    );
    expect(() => limited.take('a', 99)).toThrow();
    expect(() => limited.take('a', 100)).not.toThrow();
  });

  it('is nobody else’s', () => {
    const limited = limiter();
    allowance(limited, 'a', 0);
    expect(allowance(limited, 'b', 0)).toBe(BURST);
  });
});

describe('a flood of names', () => {
  it('is bounded in memory, and makes room seldom', () => {
    const limited = limiter();
    let trims = 0;
    let largest = 0;
    for (let i = 0, before = 0; i < 3 * MAX_BUCKETS; i++, before = limited.size) {
      limited.take(`flood ${i}`, 0);
      largest = Math.max(largest, limited.size);
      if (limited.size < before) trims++;
    }
    expect(largest).toBe(MAX_BUCKETS);
    // A tenth goes each time: 200,000 names too many, 10,000 at once.
    expect(trims).toBeLessThanOrEqual(20);
  });

  it('drops buckets that are full again before any that is not', () => {
    const limited = limiter();
    allowance(limited, 'exhausted', 0);
    flood(limited, MAX_BUCKETS - 1, 0);
    // One token is back after 100 ms: what was asked for once is full, what was exhausted is not.
    limited.take('one more', 100);
    expect(limited.size).toBe(2);
    expect(allowance(limited, 'exhausted', 100)).toBe(1);
  });

  it('drops the oldest if none is full, and whoever came last stays limited', () => {
    const limited = limiter();
    allowance(limited, 'oldest', 0);
    flood(limited, MAX_BUCKETS - 2, 0);
    allowance(limited, 'newest', 0);
    expect(limited.size).toBe(MAX_BUCKETS);
    limited.take('one more', 0);
    expect(limited.size).toBe(0.9 * MAX_BUCKETS + 1);
    expect(allowance(limited, 'newest', 0)).toBe(0);
    expect(allowance(limited, 'oldest', 0)).toBe(BURST);
  });

  it('takes nothing from names that are known', () => {
    const limited = limiter();
    flood(limited, MAX_BUCKETS, 0);
    limited.take('flood 0', 0);
    expect(limited.size).toBe(MAX_BUCKETS);
  });
});
