/**
 * Chooses ring degree and modulus chain for a depth. For node-seal there is one chain per ring: q_0 (scale plus head room for
 * the output), L primes just below 2^scale and one special prime, larger than q_0 by all the bits that are left, so that
 * key-switching noise drowns in rescale rounding. For the native engine there are several, see `native-chains.ts`.
 */
import { InternalError } from '../../errors.ts';
import { elementCount } from '../../program/layout.ts';
import { nttPrimesOf } from '../../program/primes.ts';
import type { SecurityLevel } from '../../program/parameters.ts';
import type { CkksParameters } from '../../program/security.ts';
import { checkParameters } from '../../program/security.ts';
import { maxLogQP, ringDegrees } from '../../program/security-tables.ts';
import { LARGEST_SEAL_RING } from '../analysis/seal-obstacle.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';
import type { Backend } from '../options.ts';
import {
  MAX_SCALE_BITS,
  baseHeadroomBits,
  reachesPrecision,
  specialHeadrooms,
  type ParameterDemand,
} from './chain-demand.ts';
import { nativeChains } from './native-chains.ts';
import { refreshChains } from './refresh-chains.ts';

/** SEAL's limit for a modulus; also keeps products of two residues within 128 bits with room to spare. */
const MAX_PRIME_BITS = 60;

/** The chains of one ring that may do, of the same length. */
export interface RingCandidate {
  readonly polyModulusDegree: number;
  readonly chains: readonly CkksParameters[];
}

/** Ring degrees that are of use and that the backend can hold, ascending. */
function ringsOf(security: SecurityLevel, backend: Exclude<Backend, 'cleartext'>): number[] {
  return ringDegrees(security).filter(
    (degree) => degree >= 4096 && (backend === 'native' || degree <= LARGEST_SEAL_RING),
  );
}

/** Candidates in order of ring degree, only those whose scale may reach the precision; the caller checks by forecast. */
export function* ringCandidates(
  demand: ParameterDemand,
  backend: Exclude<Backend, 'cleartext'>,
): Generator<RingCandidate> {
  for (const polyModulusDegree of ringsOf(demand.security, backend)) {
    const chains = chainsOf(polyModulusDegree, demand, backend);
    if (chains.length > 0) yield { polyModulusDegree, chains };
  }
}

function chainsOf(
  polyModulusDegree: number,
  demand: ParameterDemand,
  backend: Exclude<Backend, 'cleartext'>,
): CkksParameters[] {
  const refreshes = (demand.refreshed ?? null) !== null;
  if (backend === 'seal') return refreshes ? [] : sealChains(polyModulusDegree, demand);
  return refreshes ? refreshChains(polyModulusDegree, demand) : nativeChains(polyModulusDegree, demand);
}

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

function sealChains(polyModulusDegree: number, demand: ParameterDemand): CkksParameters[] {
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

/**
 * Placeholder parameters for verification in the clear, with exact scales and enough slots for the largest tensor (at most
 * 2^15) or for so many samples, if tensors are spread over ciphertexts.
 */
export function clearParameters(graph: LinearGraph, depth: number, samples = 0): CkksParameters {
  const scaleBits = 40;
  const largest = Math.max(...graph.nodes.map((node) => elementCount(node.shape)));
  const wanted = samples === 0 ? largest : samples;
  const slots = Math.min(2 ** 15, Math.max(2048, 2 ** Math.ceil(Math.log2(wanted))));
  return checkParameters({
    scheme: 'cleartext',
    polyModulusDegree: 2 * slots,
    dataPrimes: Array.from({ length: depth + 1 }, () => 1n << BigInt(scaleBits)),
    specialPrimes: [],
    securityLevel: 128,
    secretDistribution: 'uniform-ternary',
    scaleBits,
    dnum: 1,
  });
}

/** Deepest chain (levels) that any ring in the table allows at a scale that leaves `precision` bits. */
export function deepestChain(
  demand: Omit<ParameterDemand, 'depth' | 'refreshed'>,
  backend: Backend,
): { depth: number; polyModulusDegree: number } {
  const kind = backend === 'native' ? 'native' : 'seal';
  const largest = ringsOf(demand.security, kind).at(-1);
  if (largest === undefined) throw new InternalError('the security table is empty');
  const ringOf = (depth: number): number | undefined =>
    [...ringCandidates({ ...demand, depth }, kind)].at(-1)?.polyModulusDegree;
  let polyModulusDegree = largest;
  let held = 0;
  const holds = (depth: number): boolean => {
    const ring = ringOf(depth);
    if (ring === undefined) return false;
    polyModulusDegree = ring;
    held = depth;
    return true;
  };
  // By halves: each attempt looks for the primes of many chains.
  let failed = 1;
  while (holds(failed)) failed *= 2;
  while (failed - held > 1) {
    const depth = Math.floor((held + failed) / 2);
    if (!holds(depth)) failed = depth;
  }
  return { depth: held, polyModulusDegree };
}
