/**
 * The step of bootstrapping that takes the multiples of q_0 away (EvalMod): sin(2πt) for t = I + m / q_0, whose period the integers I
 * are. cos(2π(Kx − 1/4) / 2^r), x = t / K, is a polynomial, and its angle is doubled r times by y ← 2y² − 1 (Han and Ki,
 * eprint 2019/688; Bossuat et al., EUROCRYPT 2021, section 5.1): cos(2π(t − 1/4)) = sin(2πt).
 */
import { InternalError } from '../../errors.ts';
import type { PolynomialInstruction } from '../program.ts';
import { polynomialDepth } from '../program.ts';
import { choosePolynomialPlan } from './choose-polynomial-plan.ts';
import { evaluatePolynomial } from './evaluate-polynomial.ts';
import type { SlotAlgebra } from './slot-algebra.ts';
import { CiphertextScope, addConstant } from './slot-algebra.ts';

export interface SinePlan {
  /** K: |t| is below it. */
  readonly range: number;
  /** r */
  readonly doublings: number;
  readonly degree: number;
}

/** |t| < 16 but for one in 2^60 refreshes of 2^14 values, for an ephemeral secret of weight 40. Error below 2^-27. */
export const SINE: SinePlan = { range: 16, doublings: 3, degree: 31 };

/** Levels from x = t / K to the sine. */
export function sineDepth({ degree, doublings }: SinePlan): number {
  return polynomialDepth(degree, false) + doublings;
}

/** Chebyshev coefficients of cos(2π(Kx − 1/4) / 2^r): by interpolation at the zeros of T_{degree + 1}. */
export function sineCoefficients({ range, doublings, degree }: SinePlan): Float64Array {
  const count = degree + 1;
  const angles = Array.from({ length: count }, (_, j) => (Math.PI * (j + 0.5)) / count);
  const values = angles.map((angle) =>
    Math.cos((2 * Math.PI * (range * Math.cos(angle) - 0.25)) / 2 ** doublings),
  );
  return Float64Array.from({ length: count }, (_, k) => {
    const sum = values.reduce((total, value, j) => total + value * Math.cos(k * angles[j]!), 0);
    return ((k === 0 ? 1 : 2) * sum) / count;
  });
}

/** What the ciphertext's polynomial and doublings make of x: the same in floating point. */
export function sineOf(x: number, plan: SinePlan): number {
  const coefficients = sineCoefficients(plan);
  let [next, after] = [0, 0];
  for (let k = coefficients.length - 1; k > 0; k--)
    [next, after] = [2 * x * next - after + coefficients[k]!, next];
  let y = x * next - after + coefficients[0]!;
  for (let i = 0; i < plan.doublings; i++) y = 2 * y * y - 1;
  return y;
}

/** What the doublings start from, as an instruction of its own. */
export function sinePolynomial(plan: SinePlan, level: number): PolynomialInstruction {
  return {
    kind: 'polynomial',
    layer: 'refresh',
    input: 0,
    output: 1,
    level,
    degree: plan.degree,
    unitLeading: false,
    coefficients: [[...sineCoefficients(plan)]],
  };
}

/**
 * @param input x = t / K, dropped to `level` first
 * @returns sin(2πt) at level − `sineDepth`, owned by the caller
 */
export function evaluateSine<C, P>(algebra: SlotAlgebra<C, P>, plan: SinePlan, level: number, input: C): C {
  using scope = new CiphertextScope<C>(algebra);
  const polynomial = sinePolynomial(plan, level);
  let y = scope.own(
    evaluatePolynomial(algebra, choosePolynomialPlan(polynomial, algebra.slotCount), level, input, 0),
  );
  for (let i = 0; i < plan.doublings; i++) {
    const scale = algebra.scaleOf(y) ** 2;
    const twice = scope.own(algebra.multiply(y, y, scale));
    // Before it is rescaled: after it, the rounding error would be doubled too.
    algebra.addInPlace(twice, twice);
    addConstant(algebra, twice, -1);
    algebra.relinearizeInPlace(twice);
    algebra.rescaleInPlace(twice, scale / algebra.primeAt(algebra.levelOf(twice)));
    scope.free(y);
    y = twice;
  }
  if (algebra.levelOf(y) !== level - sineDepth(plan))
    throw new InternalError('the sine took other levels than planned');
  return scope.handOver(y);
}
