/** Small but secure parameters for tests: they pass the same check as any others. */
import { InternalError } from '../../errors.ts';
import { nearestNttPrime } from '../primes.ts';
import type { CkksParameters } from '../security.ts';
import { checkParameters } from '../security.ts';

/**
 * Primes near 2^bits for each entry of `dataBits` (q_0 first) and of `specialBits`, 128-bit security. Without `dnum`, one
 * key-switching digit per data prime.
 */
export function testParameters(
  polyModulusDegree: number,
  dataBits: readonly number[],
  specialBits: number | readonly number[],
  scaleBits: number,
  dnum = dataBits.length,
): CkksParameters {
  const taken = new Set<bigint>();
  const take = (bits: number): bigint => {
    // Just below the power of two, so that the bit length is `bits`.
    const prime = nearestNttPrime(2 ** bits * (1 - 2 ** -6), polyModulusDegree, taken, bits);
    if (prime === null) throw new InternalError(`no prime of ${bits} bits`);
    taken.add(prime);
    return prime;
  };
  return checkParameters({
    scheme: 'ckks',
    polyModulusDegree,
    dataPrimes: dataBits.map(take),
    specialPrimes: (typeof specialBits === 'number' ? [specialBits] : specialBits).map(take),
    securityLevel: 128,
    secretDistribution: 'uniform-ternary',
    scaleBits,
    dnum,
  });
}
