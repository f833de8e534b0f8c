/**
 * Modulus chains for node-seal, one for each ring: q_0 (scale plus head room for the output), L primes just below 2^scale and one
 * special prime, larger than q_0 by all the bits that are left, so that key-switching noise drowns in rescale rounding.
 */
import { nttPrimesOf } from '../../program/primes.ts';
import type { CkksParameters } from '../../program/security.ts';
import { checkParameters } from '../../program/security.ts';
import { maxLogQP } from '../../program/security-tables.ts';
import {
  MAX_SCALE_BITS,
  baseHeadroomBits,
  reachesPrecision,
  specialHeadrooms,
  type ParameterDemand,
} from '../passes/chain-demand.ts';

/** SEAL's limit for a modulus; also keeps products of two residues within 128 bits with room to spare. */
const MAX_PRIME_BITS = 60;

/**
 * Largest scale (bits) with which a chain of this depth fits the ring's bound; may be useless (≤ 0).
 * @param special bits of the special prime above the largest data prime, at least: it gets all that the bound leaves
 */
function largestScaleBits(polyModulusDegree: number, special: number, demand: ParameterDemand): number {
  const headroom = baseHeadroomBits(demand);
  const budget = maxLogQP(polyModulusDegree, demand.security);
  const scale = Math.floor((budget - 2 * headroom - special) / (demand.depth + 2));
  return Math.min(scale, MAX_SCALE_BITS, MAX_PRIME_BITS - headroom - special);
}

/** The one chain of a ring, with the largest scale that it has room for; none where values are to be refreshed. */
export function sealChains(polyModulusDegree: number, demand: ParameterDemand): CkksParameters[] {
  if ((demand.refreshed ?? null) !== null) return [];
  for (const special of specialHeadrooms(polyModulusDegree)) {
    const scaleBits = largestScaleBits(polyModulusDegree, special, demand);
    if (!reachesPrecision(polyModulusDegree, scaleBits, demand)) continue;
    const chain = makeChain(polyModulusDegree, scaleBits, demand);
    if (chain !== null) return [chain];
  }
  return [];
}

function makeChain(
  polyModulusDegree: number,
  scaleBits: number,
  demand: ParameterDemand,
): CkksParameters | null {
  const baseBits = scaleBits + baseHeadroomBits(demand);
  const spare = maxLogQP(polyModulusDegree, demand.security) - baseBits - demand.depth * scaleBits;
  const bits = [Math.min(MAX_PRIME_BITS, spare), baseBits, ...Array<number>(demand.depth).fill(scaleBits)];
  const primes = nttPrimesOf(bits, polyModulusDegree);
  if (primes === null) return null;
  return checkParameters({
    scheme: 'ckks',
    polyModulusDegree,
    dataPrimes: primes.slice(1),
    specialPrimes: primes.slice(0, 1),
    securityLevel: demand.security,
    secretDistribution: 'uniform-ternary',
    scaleBits,
    dnum: demand.depth + 1,
  });
}
