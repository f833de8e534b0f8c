/**
 * Modulus chains for the native engine: digits of several data primes, as many special primes as cover a digit. More primes per
 * digit mean fewer digits (quicker key switching, smaller keys) but a larger special modulus, which leaves less for the scale.
 */
import { nttPrimesOf } from '../../program/primes.ts';
import type { CkksParameters } from '../../program/security.ts';
import { checkParameters } from '../../program/security.ts';
import { maxLogQP } from '../../program/security-tables.ts';
import {
  MAX_SCALE_BITS,
  SPECIAL_HEADROOM_BITS,
  baseHeadroomBits,
  reachesPrecision,
  specialHeadrooms,
  type ParameterDemand,
} from '../passes/chain-demand.ts';

/** The engine's arithmetic classes: the shorter the primes, the quicker, but the more of them are needed. */
const PRIME_CLASSES = [46, 50, 60] as const;
const MOST_PRIMES = 64;
/** Part of the chain that may be primes of half the scale: what a whole bit more for the scale is worth. */
const SHORT_PRIMES = 0.5;

/** Every shape of chain for a ring, with the largest scale that each has room for; fewest primes per digit first. */
export function nativeChains(polyModulusDegree: number, demand: ParameterDemand): CkksParameters[] {
  const primes = demand.depth + 1;
  const chains: CkksParameters[] = [];
  for (let size = 1; size <= primes; size++) {
    const dnum = Math.ceil(primes / size);
    if (Math.ceil(primes / dnum) !== size) continue;
    const plans = PRIME_CLASSES.map((widest) => {
      const headrooms = size === 1 ? specialHeadrooms(polyModulusDegree) : [SPECIAL_HEADROOM_BITS];
      return headrooms
        .map((special) => planChain(polyModulusDegree, { size, widest, special }, demand))
        .find((plan) => plan !== null && reachesPrecision(polyModulusDegree, plan.scaleBits, demand));
    });
    const distinct = new Map(plans.flatMap((plan) => (plan ? [[JSON.stringify(plan), plan]] : [])));
    for (const plan of distinct.values()) {
      if (primes + plan.specials > MOST_PRIMES) continue;
      const chain = makeChain(polyModulusDegree, dnum, plan, demand);
      if (chain !== null) chains.push(chain);
    }
  }
  return chains;
}

/** Bit lengths of a chain's primes. */
interface ChainPlan {
  readonly scaleBits: number;
  /** Primes one bit below the scale: those of the lowest levels, whose errors fewest later layers amplify. */
  readonly short: number;
  readonly specials: number;
  readonly specialBits: number;
}

interface DigitShape {
  /** Primes of a digit. */
  readonly size: number;
  /** Bits of a special prime, at most. */
  readonly widest: number;
  /** Bits of P above a digit, at least. */
  readonly special: number;
}

/**
 * The largest scale Δ for digits of this shape. Data primes need not equal the
 * scale, since every linear map brings its result back to Δ: so that a fraction of a bit is not lost, some primes are one
 * bit shorter.
 */
function planChain(
  polyModulusDegree: number,
  { size, widest, special }: DigitShape,
  demand: ParameterDemand,
): ChainPlan | null {
  const { depth, security } = demand;
  const budget = maxLogQP(polyModulusDegree, security);
  const headroom = baseHeadroomBits(demand);
  for (let scaleBits = Math.min(MAX_SCALE_BITS, 60 - headroom); scaleBits > 0; scaleBits--) {
    const digit = size * scaleBits + headroom;
    const specials = Math.ceil((digit + special) / widest);
    const least = Math.ceil((digit + special) / specials);
    const left = budget - (scaleBits + headroom) - specials * least - depth * scaleBits;
    const short = Math.max(0, -left);
    if (short > SHORT_PRIMES * depth) continue;
    // Bits to spare make the special primes larger, within their class: less noise at no cost.
    const spare = Math.floor(Math.max(0, left) / specials);
    return { scaleBits, short, specials, specialBits: Math.min(widest, least + spare) };
  }
  return null;
}

function makeChain(
  polyModulusDegree: number,
  dnum: number,
  { scaleBits, short, specials, specialBits }: ChainPlan,
  demand: ParameterDemand,
): CkksParameters | null {
  const { depth, security } = demand;
  const bits = [
    ...Array<number>(specials).fill(specialBits),
    scaleBits + baseHeadroomBits(demand),
    ...Array.from({ length: depth }, (_, index) => (index < short ? scaleBits - 1 : scaleBits)),
  ];
  const all = nttPrimesOf(bits, polyModulusDegree);
  if (all === null) return null;
  return checkParameters({
    scheme: 'ckks',
    polyModulusDegree,
    dataPrimes: all.slice(specials),
    specialPrimes: all.slice(0, specials),
    securityLevel: security,
    secretDistribution: 'uniform-ternary',
    scaleBits,
    dnum,
  });
}
