/**
 * Exact samplers of integer noise (Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy", NeurIPS 2020, algorithms
 * 1 to 3). Floating point would leave gaps by which noise can be told apart (Mironov, CCS 2012): here it only decides
 * tosses whose outcome it cannot change.
 */
import { InternalError } from '../../errors.ts';
import type { RandomIntegers } from './random-integers.ts';

/** σ² up to this: its arithmetic is exact in doubles and BigInt where needed. */
export const LARGEST_VARIANCE = 2 ** 50;

/** Relative error of a quotient computed in doubles by a handful of operations on exact integers; ten times more than it is. */
const FLOAT_ERROR = 2 ** -49;

/** A quotient γ ≥ 0, roughly and exactly. */
interface Quotient {
  readonly about: number;
  readonly exactly: () => readonly [numerator: bigint, denominator: bigint];
}

/** True with probability exp(−γ) = exp(−1)^⌊γ⌋ · exp(−rest). */
function tossExponential(random: RandomIntegers, { about, exactly }: Quotient): boolean {
  const error = about * FLOAT_ERROR;
  const whole = Math.floor(about - error);
  // ⌊γ⌋, or one less where doubles cannot tell: the rest is 1 then, and all that follows holds for it.
  for (let i = 0; i < whole; i++) if (!tossInverseE(random)) return false;
  const rest = (): [bigint, bigint] => {
    const [numerator, denominator] = exactly();
    return [numerator - BigInt(Math.max(0, whole)) * denominator, denominator];
  };
  return tossSmallExponential(random, about - Math.max(0, whole), error, rest);
}

/** The same for γ from 0 to 1: tosses of γ, γ/2, γ/3 … come true an even number of times in a row with that probability. */
function tossSmallExponential(
  random: RandomIntegers,
  about: number,
  error: number,
  exactly: Quotient['exactly'],
): boolean {
  for (let k = 1; ; k++) {
    const divided = (): [bigint, bigint] => {
      const [numerator, denominator] = exactly();
      return [numerator, denominator * BigInt(k)];
    };
    if (!random.toss(about / k, error + FLOAT_ERROR, divided)) return k % 2 === 1;
  }
}

/** exp(−1): the same, with small integers alone. */
function tossInverseE(random: RandomIntegers): boolean {
  for (let k = 1; ; k++) if (random.below(k) !== 0) return k % 2 === 1;
}

/** An integer x with probability proportional to exp(−|x| / scale). @param scale 1 … 2^32, an integer */
export function discreteLaplace(random: RandomIntegers, scale: number): number {
  if (!Number.isInteger(scale) || scale < 1 || scale > 2 ** 32)
    throw new InternalError(`no discrete Laplace noise of scale ${scale}`);
  for (;;) {
    const fraction = random.below(scale);
    const exactly = (): [bigint, bigint] => [BigInt(fraction), BigInt(scale)];
    if (!tossSmallExponential(random, fraction / scale, 0, exactly)) continue;
    let whole = 0;
    while (tossInverseE(random)) whole++;
    const magnitude = fraction + scale * whole;
    const negative = random.bit();
    // Zero would come twice as often.
    if (magnitude === 0 && negative) continue;
    return negative ? -magnitude : magnitude;
  }
}

/** An integer x with probability proportional to exp(−x² / 2σ²). */
export class DiscreteGaussian {
  readonly #random: RandomIntegers;
  readonly #variance: number;
  readonly #step: number;
  readonly #denominator: number;

  /** @param variance σ², 1 … 2^50, an integer */
  constructor(random: RandomIntegers, variance: number) {
    if (!Number.isInteger(variance) || variance < 1 || variance > LARGEST_VARIANCE)
      throw new InternalError(`no discrete Gaussian noise of variance ${variance}`);
    this.#random = random;
    this.#variance = variance;
    this.#step = Math.floor(Math.sqrt(variance)) + 1;
    this.#denominator = 2 * variance * this.#step ** 2;
  }

  sample(): number {
    const [variance, step] = [this.#variance, this.#step];
    for (;;) {
      const candidate = discreteLaplace(this.#random, step);
      const distance = Math.abs(candidate) * step - variance;
      // Accepted with probability exp(−(|y| − σ²/t)² / 2σ²).
      const accepted = tossExponential(this.#random, {
        about: distance ** 2 / this.#denominator,
        exactly: () => {
          const exact = BigInt(Math.abs(candidate)) * BigInt(step) - BigInt(variance);
          return [exact ** 2n, 2n * BigInt(variance) * BigInt(step) ** 2n];
        },
      });
      if (accepted) return candidate;
    }
  }
}
