/**
 * Arithmetic of polynomials as lists of coefficients: of T_k, of powers, and of how large the terms are that add up to each power's
 * coefficient. The three together tell whether T_k hold a polynomial: x² = (T_0 + T_2) / 2, so that 1e24 x² + 1 has nothing left of its 1 in
 * float64, though it may be half of every value where x is 1e-12.
 */
import { addChebyshev, multiplyChebyshev } from './chebyshev.ts';
import { MOST_SCALED_DEGREE } from './scale-argument.ts';

export interface SeriesArithmetic {
  readonly multiply: (a: Float64Array, b: Float64Array) => Float64Array;
  /** a + factor · b. */
  readonly add: (a: Float64Array, b: Float64Array, factor: number) => Float64Array;
  readonly scale: (a: Float64Array, factor: number) => Float64Array;
}

const scale = (a: Float64Array, factor: number): Float64Array => a.map((value) => factor * value);

export const CHEBYSHEV: SeriesArithmetic = { multiply: multiplyChebyshev, add: addChebyshev, scale };

export const POWERS: SeriesArithmetic = { multiply: convolve, add: addChebyshev, scale };

/** Of absolute values. */
export const TERM_SIZES: SeriesArithmetic = {
  multiply: convolve,
  add: (a, b, factor) => addChebyshev(a, b, Math.abs(factor)),
  scale: (a, factor) => scale(a, Math.abs(factor)),
};

/** A power's coefficient this much smaller than those of higher powers keeps 20 bits in the coefficients of T_k. */
const LEAST_SHARE = 2 ** -33;
/** One this much smaller than the terms that it is the sum of is rounding: a zero. */
const ROUNDING = 2 ** -40;

/**
 * Whether coefficients of T_k lose a term. Powers of a high degree say nothing: such polynomials are made for [−1, 1].
 * @param powers coefficients of powers
 * @param sizes of the terms that add up to them
 */
export function losesTerms(powers: Float64Array, sizes: Float64Array): boolean {
  if (powers.length - 1 > MOST_SCALED_DEGREE) return false;
  const higher = [0, 0];
  for (let k = powers.length - 1; k >= 0; k--) {
    const size = Math.abs(powers[k]!);
    if (size > ROUNDING * sizes[k]! && size < LEAST_SHARE * higher[k % 2]!) return true;
    higher[k % 2]! += size;
  }
  return false;
}

function convolve(a: Float64Array, b: Float64Array): Float64Array {
  const result = new Float64Array(a.length + b.length - 1);
  a.forEach((x, i) => b.forEach((y, j) => (result[i + j]! += x * y)));
  return result;
}
