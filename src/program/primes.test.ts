import { describe, expect, it } from 'vitest';
import { isPrime, nearestNttPrime } from './primes.ts';

describe('isPrime', () => {
  it('agrees with a sieve', () => {
    const composite = new Uint8Array(20_000).fill(1, 0, 2);
    for (let p = 2; p * p < composite.length; p++) {
      if (composite[p] === 0) for (let k = p * p; k < composite.length; k += p) composite[k] = 1;
    }
    for (const [n, is] of composite.entries()) expect([n, isPrime(BigInt(n))]).toEqual([n, is === 0]);
  });

  // ψ_4, ψ_6, ψ_7 and ψ_9: the least composites that pass for primes with the first so many bases.
  it.each([3_215_031_751n, 3_474_749_660_383n, 341_550_071_728_321n, 3_825_123_056_546_413_051n])(
    'is not deceived by %d',
    (n) => {
      expect(isPrime(n)).toBe(false);
    },
  );

  it.each([2n ** 31n - 1n, 2n ** 61n - 1n, 2n ** 64n - 59n])('knows the prime %d', (n) => {
    expect(isPrime(n)).toBe(true);
  });
});

describe('nearestNttPrime', () => {
  it('finds the nearest that is not taken, within the bits allowed', () => {
    const first = nearestNttPrime(2 ** 40 - 1, 8192, new Set(), 40)!;
    const second = nearestNttPrime(2 ** 40 - 1, 8192, new Set([first]), 40)!;
    expect(first).toBeLessThan(1n << 40n);
    expect(second).toBeLessThan(first);
    for (const prime of [first, second]) expect([prime % 16384n, isPrime(prime)]).toEqual([1n, true]);
  });
});
