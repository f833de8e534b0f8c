/**
 * Weighted least squares for one polynomial Σ_k c_k T_k(t), t = (x − center) / halfWidth, through its normal equations.
 * The Chebyshev basis keeps them well conditioned for the degrees that homomorphic evaluation can afford (≤ 32).
 */
import { largestMagnitude } from './chebyshev.ts';
import { solveSymmetric } from './cholesky.ts';

/** Gram matrix (size × size, row-major) of the features and their inner products with the target. */
export interface NormalEquations {
  readonly size: number;
  readonly gram: Float64Array;
  readonly cross: Float64Array;
}

/**
 * Sums up normal equations of plain Chebyshev features. T_i·T_j = (T_{i+j} + T_{|i−j|}) / 2, so the Gram matrix
 * follows from 2·degree + 1 moments: linear, not quadratic, work per sample.
 */
export class ChebyshevMoments {
  readonly #degree: number;
  readonly #moments: Float64Array;
  readonly #cross: Float64Array;

  constructor(degree: number) {
    this.#degree = degree;
    this.#moments = new Float64Array(2 * degree + 1);
    this.#cross = new Float64Array(degree + 1);
  }

  add(t: number, target: number, weight = 1): void {
    const moments = this.#moments;
    const cross = this.#cross;
    const degree = this.#degree;
    let previous = weight * t; // T_{-1} = T_1
    let current = weight;
    for (let k = 0; k <= 2 * degree; k++) {
      moments[k] = moments[k]! + current;
      if (k <= degree) cross[k] = cross[k]! + current * target;
      const next = 2 * t * current - previous;
      previous = current;
      current = next;
    }
  }

  equations(): NormalEquations {
    const size = this.#degree + 1;
    const gram = new Float64Array(size * size);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        gram[i * size + j] = (this.#moments[i + j]! + this.#moments[Math.abs(i - j)]!) / 2;
      }
    }
    return { size, gram, cross: this.#cross.slice() };
  }
}

/** Sums up normal equations of arbitrary features, such as pooled Chebyshev powers. */
export class FeatureMoments {
  readonly #size: number;
  readonly #gram: Float64Array;
  readonly #cross: Float64Array;

  constructor(size: number) {
    this.#size = size;
    this.#gram = new Float64Array(size * size);
    this.#cross = new Float64Array(size);
  }

  add(features: Float64Array, target: number, weight = 1): void {
    const size = this.#size;
    for (let i = 0; i < size; i++) {
      const scaled = weight * features[i]!;
      this.#cross[i] = this.#cross[i]! + scaled * target;
      for (let j = 0; j <= i; j++) {
        this.#gram[i * size + j] = this.#gram[i * size + j]! + scaled * features[j]!;
      }
    }
  }

  equations(): NormalEquations {
    const gram = this.#gram.slice();
    for (let i = 0; i < this.#size; i++) {
      for (let j = 0; j < i; j++) gram[j * this.#size + i] = gram[i * this.#size + j]!;
    }
    return { size: this.#size, gram, cross: this.#cross.slice() };
  }
}

/** Sum of both systems, the second weighted. */
export function combine(a: NormalEquations, b: NormalEquations, weight: number): NormalEquations {
  return {
    size: a.size,
    gram: a.gram.map((value, i) => value + weight * b.gram[i]!),
    cross: a.cross.map((value, i) => value + weight * b.cross[i]!),
  };
}

/** The least-squares coefficients. */
export function solveNormalEquations(equations: NormalEquations): Float64Array {
  return solveSymmetric(equations.gram, equations.size, equations.cross);
}

/** Smallest share of max |polynomial| that a leading coefficient may have (see `solveWithLeadingFloor`). */
export const LEADING_FLOOR = 0.004;

/**
 * The least-squares coefficients under the constraint that the leading one is not negligible: a lowering that divides
 * by it (to save a level) would otherwise blow up the others. Where the free solution violates
 * |c_d| ≥ LEADING_FLOOR · max(max |polynomial|, smallestMagnitude), c_d is set to that floor and the rest solved anew.
 */
export function solveWithLeadingFloor(equations: NormalEquations, smallestMagnitude: number): Float64Array {
  const free = solveNormalEquations(equations);
  const last = equations.size - 1;
  const floor = LEADING_FLOOR * Math.max(largestMagnitude(free), smallestMagnitude);
  if (Math.abs(free[last]!) >= floor) return free;
  // Slightly above the floor, since fixing c_d changes the maximum that the floor refers to.
  const leading = (free[last]! < 0 ? -1 : 1) * floor * 1.05;
  const gram = new Float64Array(last * last);
  const cross = new Float64Array(last);
  for (let i = 0; i < last; i++) {
    for (let j = 0; j < last; j++) gram[i * last + j] = equations.gram[i * equations.size + j]!;
    cross[i] = equations.cross[i]! - leading * equations.gram[i * equations.size + last]!;
  }
  return Float64Array.of(...solveSymmetric(gram, last, cross), leading);
}
