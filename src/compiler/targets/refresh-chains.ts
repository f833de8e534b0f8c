/**
 * Modulus chains for programs that refresh. From the bottom: q_0, the levels at which slots become coefficients, those that a network
 * computes at, the sine, and at the top coefficients become slots. A value near 1 needs few bits above its scale at q_0, since what a
 * refresh gives is the sine of it; the sine's own primes are larger, as its errors are amplified by the doublings.
 */
import type { RefreshParameters } from '../../program/parameters.ts';
import { nttPrimesOf, totalBits } from '../../program/primes.ts';
import type { CkksParameters } from '../../program/security.ts';
import { checkParameters } from '../../program/security.ts';
import { maxLogQP, sparseSecretEstimates } from '../../program/security-tables.ts';
import { refreshDepth } from '../../program/semantics/refresh-plan.ts';
import { SPECIAL_HEADROOM_BITS, reachesPrecision, type ParameterDemand } from '../passes/chain-demand.ts';
import type { RefreshLevels } from './target.ts';

/** The ring that the shapes below are for. */
const RING = 32768;
const SCALE_BITS = 36;
const BASE_BITS = 38;
/** Butterfly stages of each transform, smallest blocks first: fewer babies mean fewer keys, and a little more time. */
const DOWN = [7, 7].map((stages) => ({ stages, babies: 16 }));
const UP = [5, 5, 4].map((stages) => ({ stages, babies: 8 }));
/** From the bottom; the last doublings bring the scale back to the network's. */
const DOWN_BITS = [31, 31];
const SINE_BITS = [36, 42, 43, 41, 41, 41, 41, 41];
const UP_BITS = [41, 41, 41];
const RAISED_BITS = 41;
/** Of the ephemeral secret. */
const WEIGHT = 40;
/** The engine's quickest class of primes. */
const WIDEST_BITS = 46;

export const REFRESH_LEVELS: RefreshLevels = {
  down: DOWN.length,
  top: refreshDepth({ up: UP }),
  // The bound has room for no more.
  most: 8,
};

/** Every shape of chain for a ring, fewest primes per digit first; none where refreshes are not certified. */
export function refreshChains(polyModulusDegree: number, demand: ParameterDemand): CkksParameters[] {
  const { refreshed = null, security } = demand;
  const secret = sparseSecretEstimates(polyModulusDegree, WEIGHT, security);
  if (polyModulusDegree !== RING || refreshed === null || secret === null) return [];
  if (!reachesPrecision(RING, SCALE_BITS, demand)) return [];
  const network = Array<number>(refreshed - DOWN_BITS.length).fill(SCALE_BITS);
  const data = [BASE_BITS, ...DOWN_BITS, ...network, ...SINE_BITS, ...UP_BITS];
  const room = maxLogQP(RING, security) - data.reduce((sum, bits) => sum + bits, 0);
  const refresh = {
    raisedBits: RAISED_BITS,
    down: DOWN,
    up: UP,
    ephemeralWeight: WEIGHT,
  };
  const chains: CkksParameters[] = [];
  for (let size = 1; size <= data.length; size++) {
    const dnum = Math.ceil(data.length / size);
    if (Math.ceil(data.length / dnum) !== size) continue;
    const special = specialBits(data, size, room, secret.maxLogModulus - BASE_BITS);
    if (special === null) continue;
    const chain = makeChain(data, special, dnum, refresh, demand);
    if (chain !== null) chains.push(chain);
  }
  return chains;
}

/**
 * Bits of the special primes, as few and as large as there is room for; null if they cannot cover a digit.
 * @param size primes of a digit
 * @param room bits for all of them
 * @param first bits of the first one, at most: the ephemeral secret is used under it
 */
function specialBits(
  data: readonly number[],
  size: number,
  room: number,
  first: number,
): readonly number[] | null {
  let digit = 0;
  for (let from = 0; from < data.length; from += size) {
    digit = Math.max(
      digit,
      data.slice(from, from + size).reduce((sum, bits) => sum + bits, 0),
    );
  }
  const least = digit + SPECIAL_HEADROOM_BITS;
  const others = Math.ceil(Math.max(0, least - first) / WIDEST_BITS);
  if (first > WIDEST_BITS || others > size) return null;
  const bits = [first];
  for (let left = least - first, index = 0; index < others; index++) {
    const own = Math.min(WIDEST_BITS, Math.ceil(left / (others - index)));
    bits.push(own);
    left -= own;
  }
  return bits.reduce((sum, own) => sum + own, 0) <= room ? bits : null;
}

function makeChain(
  data: readonly number[],
  special: readonly number[],
  dnum: number,
  refresh: RefreshParameters,
  { security }: ParameterDemand,
): CkksParameters | null {
  const all = nttPrimesOf([...special, ...data], RING);
  if (all === null || totalBits(all) > maxLogQP(RING, security)) return null;
  return checkParameters({
    scheme: 'ckks',
    polyModulusDegree: RING,
    dataPrimes: all.slice(special.length),
    specialPrimes: all.slice(0, special.length),
    securityLevel: security,
    secretDistribution: 'uniform-ternary',
    scaleBits: SCALE_BITS,
    dnum,
    refresh,
  });
}
