/** Chooses ring degree and modulus chain for what a program asks of them, among those that its target can have. */
import { InternalError } from '../../errors.ts';
import type { SecurityLevel } from '../../program/parameters.ts';
import type { CkksParameters } from '../../program/security.ts';
import { ringDegrees } from '../../program/security-tables.ts';
import type { Target } from '../targets/target.ts';
import type { ParameterDemand } from './chain-demand.ts';

/** Below, no ring has room for a chain that is of use. */
const SMALLEST_RING = 4096;

/** The chains of one ring that may do, of the same length. */
export interface RingCandidate {
  readonly polyModulusDegree: number;
  readonly chains: readonly CkksParameters[];
}

/** Ring degrees that are of use and that the target can hold, ascending. */
export function ringsOf(security: SecurityLevel, { largestRing }: Target): number[] {
  return ringDegrees(security).filter((degree) => degree >= SMALLEST_RING && degree <= largestRing);
}

/** Candidates in order of ring degree, only those whose scale may reach the precision; the caller checks by forecast. */
export function* ringCandidates(demand: ParameterDemand, target: Target): Generator<RingCandidate> {
  for (const polyModulusDegree of ringsOf(demand.security, target)) {
    const chains = target.chains(polyModulusDegree, demand);
    if (chains.length > 0) yield { polyModulusDegree, chains };
  }
}

/** Deepest chain (levels) that any ring in the table allows at a scale that leaves `precision` bits. */
export function deepestChain(
  demand: Omit<ParameterDemand, 'depth' | 'refreshed'>,
  target: Target,
): { depth: number; polyModulusDegree: number } {
  const largest = ringsOf(demand.security, target).at(-1);
  if (largest === undefined) throw new InternalError('the security table is empty');
  const ringOf = (depth: number): number | undefined =>
    [...ringCandidates({ ...demand, depth }, target)].at(-1)?.polyModulusDegree;
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
