/**
 * Chooses ring degree and modulus chain for a depth: the smallest ring whose security bound holds a chain with enough
 * scale for the precision asked for. The chain is q_0 (scale plus head room for the output), L primes just below 2^scale
 * and one special prime, larger than q_0 by all the bits that are left, so that key-switching noise drowns in rescale rounding.
 */
import { InternalError } from '../../errors.ts';
import { elementCount } from '../../program/layout.ts';
import type { SecurityLevel } from '../../program/parameters.ts';
import { nearestNttPrime } from '../../program/primes.ts';
import type { CkksParameters } from '../../program/security.ts';
import { checkParameters, maxLogQP, ringDegrees } from '../../program/security.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';

/** SEAL's limit for a modulus; also keeps products of two residues within 128 bits with room to spare. */
const MAX_PRIME_BITS = 60;
/** More scale than this buys nothing: encoding and decryption are done in float64. */
const MAX_SCALE_BITS = 42;
/**
 * Special prime above the largest data prime, in bits: at least this much, and all that the bound leaves. SEAL's digits are
 * not centred, so that without room the key-switching error gathers in a few slots.
 */
const SPECIAL_HEADROOM_BITS = 3;
/** Below this the rescale rounding error of the ring leaves nothing; not worth trying. */
const MIN_SCALE_OVER_NOISE_BITS = 4;

export interface ParameterDemand {
  /** Rescales from input to output. */
  readonly depth: number;
  /** Largest |value| expected at level 0. */
  readonly outputBound: number;
  readonly security: SecurityLevel;
  /** Output bits asked for, relative to the output bound. */
  readonly precision: number;
}

/** log2 of the standard deviation, per slot, of the error that one rescale adds (absolute, before division by the scale). */
export function rescaleNoiseBits(polyModulusDegree: number): number {
  // Rounding errors are uniform in [-1/2, 1/2]: variance (1 + ‖s‖²)/12 per coefficient with ‖s‖² = 2N/3 for uniform
  // ternary s; a slot is a sum over N coefficients with unit-modulus factors, half of it in the real part.
  const perCoefficient = (1 + (2 * polyModulusDegree) / 3) / 12;
  return Math.log2(Math.sqrt((perCoefficient * polyModulusDegree) / 2));
}

/** Bits above the scale that q_0 needs so that the output, with a sign and a margin of two, does not wrap. */
function outputHeadroomBits(bound: number): number {
  return Math.max(2, Math.ceil(Math.log2(Math.max(bound, 1e-3))) + 2);
}

/** Largest scale (bits) with which a chain of this depth fits the ring's bound; may be useless (≤ 0). */
export function largestScaleBits(polyModulusDegree: number, demand: ParameterDemand): number {
  const headroom = outputHeadroomBits(demand.outputBound);
  const budget = maxLogQP(polyModulusDegree, demand.security);
  const scale = Math.floor((budget - 2 * headroom - SPECIAL_HEADROOM_BITS) / (demand.depth + 2));
  return Math.min(scale, MAX_SCALE_BITS, MAX_PRIME_BITS - headroom - SPECIAL_HEADROOM_BITS);
}

/** Candidates in order of ring degree, only those whose scale may reach the precision; the caller checks by forecast. */
export function* parameterCandidates(demand: ParameterDemand): Generator<CkksParameters> {
  for (const polyModulusDegree of ringDegrees(demand.security)) {
    if (polyModulusDegree < 4096) continue;
    const scaleBits = largestScaleBits(polyModulusDegree, demand);
    const noise = rescaleNoiseBits(polyModulusDegree);
    // The output's bound counts as signal: errors are judged relative to the output range.
    const signal = Math.log2(Math.max(demand.outputBound, 1e-3));
    if (scaleBits - noise + signal < Math.max(demand.precision, MIN_SCALE_OVER_NOISE_BITS)) continue;
    const parameters = makeChain(polyModulusDegree, scaleBits, demand);
    if (parameters !== null) yield parameters;
  }
}

function makeChain(
  polyModulusDegree: number,
  scaleBits: number,
  demand: ParameterDemand,
): CkksParameters | null {
  const taken = new Set<bigint>();
  const take = (bits: number): bigint | null => {
    const prime = nearestNttPrime(2 ** bits - 1, polyModulusDegree, taken, bits);
    // A prime far below its target would let the scales drift.
    if (prime === null || Number(prime) < 2 ** bits * 0.8) return null;
    taken.add(prime);
    return prime;
  };
  const baseBits = scaleBits + outputHeadroomBits(demand.outputBound);
  const spare = maxLogQP(polyModulusDegree, demand.security) - baseBits - demand.depth * scaleBits;
  const special = take(Math.min(MAX_PRIME_BITS, spare));
  const base = take(baseBits);
  const chain = Array.from({ length: demand.depth }, () => take(scaleBits));
  if (special === null || base === null || chain.some((prime) => prime === null)) return null;
  return checkParameters({
    scheme: 'ckks',
    polyModulusDegree,
    dataPrimes: [base, ...chain.map((prime) => prime ?? 0n)],
    specialPrimes: [special],
    securityLevel: demand.security,
    secretDistribution: 'uniform-ternary',
    scaleBits,
    dnum: demand.depth + 1,
  });
}

/**
 * Placeholder parameters for verification in the clear: enough slots for the largest tensor (at most 2^15), exact scales.
 */
export function clearParameters(graph: LinearGraph, depth: number): CkksParameters {
  const scaleBits = 40;
  const largest = Math.max(...graph.nodes.map((node) => elementCount(node.shape)));
  const slots = Math.min(2 ** 15, Math.max(2048, 2 ** Math.ceil(Math.log2(largest))));
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
export function deepestChain(demand: Omit<ParameterDemand, 'depth'>): {
  depth: number;
  polyModulusDegree: number;
} {
  const rings = ringDegrees(demand.security);
  const largest = rings[rings.length - 1];
  if (largest === undefined) throw new InternalError('the security table is empty');
  let depth = 0;
  while (!parameterCandidates({ ...demand, depth: depth + 1 }).next().done) depth++;
  return { depth, polyModulusDegree: largest };
}
