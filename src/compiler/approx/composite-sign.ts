/**
 * sign(x) as a composition of odd minimax polynomials, after Lee, Lee, No, Kim, "Minimax Approximation of Sign
 * Function by Composite Polynomial for Homomorphic Comparison" (eprint 2020/834). Each polynomial approximates sign
 * on the range that its predecessor leaves, [-1 − τ, -1 + τ] ∪ [1 − τ, 1 + τ].
 *
 * ReLU(x) = x (1 + sign(x)) / 2 and max(a, b) = b + (a − b) (1 + sign(a − b)) / 2 follow, with absolute error at most
 * 2^-α for |x| ≤ 1. Two regions compete for the error: |x| ≥ ε, where sign is off by at most τ and ReLU by τ/2, and
 * |x| < ε, where sign rises from 0 to 1 − τ. Degrees fix their product; ε trades one for the other.
 */
import type { MinimaxPolynomial } from './remez.ts';
import { one, remez } from './remez.ts';

interface Composition {
  readonly degrees: readonly number[];
  /** ε · 2^(α − 1), chosen (by golden-section search) so that the ReLU error is least. */
  readonly threshold: number;
}

/**
 * Degrees of least depth per α (Lee, Lee, Kim, Kim, No, Kang, "Precise approximation of convolutional neural networks
 * for homomorphically encrypted data", 2021, table 1). Tests verify the bound of every row.
 */
const COMPOSITIONS: ReadonlyMap<number, Composition> = new Map([
  [4, { degrees: [5], threshold: 2.737 }],
  [5, { degrees: [13], threshold: 2.991 }],
  [6, { degrees: [3, 7], threshold: 4.882 }],
  [7, { degrees: [7, 7], threshold: 5.394 }],
  [8, { degrees: [7, 15], threshold: 5.878 }],
  [9, { degrees: [15, 15], threshold: 6.431 }],
  [10, { degrees: [7, 7, 13], threshold: 6.362 }],
  [11, { degrees: [7, 7, 27], threshold: 6.664 }],
  [12, { degrees: [7, 15, 27], threshold: 6.954 }],
  [13, { degrees: [15, 15, 27], threshold: 7.212 }],
  [14, { degrees: [15, 27, 29], threshold: 8.062 }],
]);

/** Precisions that `compositeSign` can be asked for, in bits. */
export const SIGN_PRECISIONS: readonly number[] = [...COMPOSITIONS.keys()];

export interface CompositeSign {
  readonly alpha: number;
  /** Applied first to last; the input interval is [-1, 1]. */
  readonly stages: readonly MinimaxPolynomial[];
  /** |composition − sign| ≤ error for threshold ≤ |x| ≤ 1. */
  readonly error: number;
  readonly threshold: number;
}

/**
 * @param alpha bits of precision of the ReLU or max built on it, 4 … 14
 * @throws RangeError for any other alpha
 */
export function compositeSign(alpha: number): CompositeSign {
  const composition = COMPOSITIONS.get(alpha);
  if (composition === undefined) throw new RangeError(`alpha must be an integer from 4 to 14, not ${alpha}`);
  const threshold = composition.threshold * 2 ** (1 - alpha);
  const stages: MinimaxPolynomial[] = [];
  let error = 1 - threshold;
  let upper = 1;
  for (const degree of composition.degrees) {
    const stage = remez({ lower: 1 - error, upper, degree, odd: true, target: one });
    stages.push(stage);
    error = stage.error;
    upper = 1 + error;
  }
  return { alpha, stages, error, threshold };
}
