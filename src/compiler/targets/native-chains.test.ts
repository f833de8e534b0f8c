import { describe, expect, it } from 'vitest';
import { digitSize } from '../../program/parameters.ts';
import { totalBits } from '../../program/primes.ts';
import { maxLogQP } from '../../program/security-tables.ts';
import { nativeChains } from './native-chains.ts';

const demand = (depth: number, precision = 10, outputBound = 8) =>
  ({ depth, outputBound, security: 128, precision }) as const;
const bits = (prime: bigint): number => prime.toString(2).length;

describe('chains for the native engine', () => {
  it.each([
    [8192, 4],
    [16384, 10],
    [32768, 20],
    [65536, 30],
  ])('stay within the security bound and cover every digit: N = %i, depth %i', (ring, depth) => {
    const chains = nativeChains(ring, demand(depth));
    expect(chains.length).toBeGreaterThan(2);
    for (const { dataPrimes, specialPrimes, scaleBits } of chains) {
      expect(dataPrimes).toHaveLength(depth + 1);
      expect(totalBits([...dataPrimes, ...specialPrimes])).toBeLessThanOrEqual(maxLogQP(ring, 128));
      // All data primes but the first are in the quickest class, at most one bit short of the scale.
      for (const prime of dataPrimes.slice(1)) {
        expect(bits(prime)).toBeLessThanOrEqual(46);
        expect([scaleBits, scaleBits - 1]).toContain(bits(prime));
      }
    }
    expect(new Set(chains.map(({ dnum }) => dnum)).size).toBeGreaterThan(1);
  });

  it('trade scale for fewer digits', () => {
    const chains = nativeChains(16384, demand(10));
    const scales = new Map(chains.map((chain) => [digitSize(chain), chain.scaleBits]));
    const sizes = [...scales.keys()].sort((a, b) => a - b);
    expect(sizes[0]).toBe(1);
    for (const [index, size] of sizes.slice(1).entries()) {
      expect(scales.get(size)!).toBeLessThanOrEqual(scales.get(sizes[index]!)!);
    }
    expect(scales.get(sizes.at(-1)!)!).toBeLessThan(scales.get(1)!);
  });

  it('use the whole bound, a fraction of a bit per prime at a time', () => {
    const chains = nativeChains(16384, demand(13, 10, 28.8)).filter(
      ({ dnum, specialPrimes }) => dnum === 7 && specialPrimes.length === 2,
    );
    expect(chains).toHaveLength(1);
    const lengths = chains[0]!.dataPrimes.slice(1).map(bits);
    expect(new Set(lengths).size).toBe(2);
    expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
    expect(totalBits([...chains[0]!.dataPrimes, ...chains[0]!.specialPrimes])).toBe(430);
  });

  it('are none where the scale cannot reach the precision', () => {
    expect(nativeChains(8192, demand(20))).toEqual([]);
    expect(nativeChains(16384, demand(10, 40))).toEqual([]);
  });
});
