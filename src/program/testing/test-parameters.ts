/** Small but secure parameters for tests: they pass the same check as any others. */
import { InternalError } from '../../errors.ts';
import type { RefreshParameters } from '../parameters.ts';
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
  refresh?: RefreshParameters,
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
    ...(refresh === undefined ? {} : { refresh }),
  });
}

/** The only ring that is certified for refreshes: 865 bits, and four levels left to compute with. */
export function refreshableParameters(): CkksParameters {
  const network = [36, 36, 36, 36];
  const sine = [36, 42, 43, 41, 41, 41, 41, 41];
  return testParameters(32768, [38, 31, 31, ...network, ...sine, 41, 41, 41], [43, 43, 43, 43], 36, 5, {
    raisedBits: 41,
    down: [7, 7].map((stages) => ({ stages, babies: 16 })),
    up: [5, 5, 4].map((stages) => ({ stages, babies: 8 })),
    ephemeralWeight: 40,
  });
}
