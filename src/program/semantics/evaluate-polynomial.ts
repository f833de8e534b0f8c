/**
 * What a polynomial instruction means. Scales are errorless: the scale that a sum must have is pushed down to its
 * leaves, whose plaintexts are encoded at just the scale that makes all summands meet (Bossuat et al., EUROCRYPT 2021,
 * §5.2). Relinearization and rescale come once, after the sum.
 */
import { InternalError } from '../../errors.ts';
import type { ChebyshevSum, PolynomialPlan } from './polynomial-plan.ts';
import { chebyshevDepth } from './polynomial-plan.ts';
import type { SlotAlgebra } from './slot-algebra.ts';
import {
  CiphertextScope,
  LoweredCiphertexts,
  accumulate,
  addConstant,
  almostZero,
  assertSameScale,
} from './slot-algebra.ts';

/**
 * Ciphertext `index` of y = p(x), x dropped to `level` first. The result is at level − plan.depth, owned by the caller;
 * its scale is that of the input or, with a unit leading coefficient, the natural one of the square.
 */
export function evaluatePolynomial<C, P>(
  algebra: SlotAlgebra<C, P>,
  plan: PolynomialPlan,
  level: number,
  input: C,
  index: number,
): C {
  using scope = new CiphertextScope<C>(algebra);
  const sum = plan.sums[index];
  if (sum === undefined) throw new InternalError(`no coefficients for ciphertext ${index}`);
  const evaluation = new Evaluation(algebra, scope, level, input, plan.powers);
  const sumLevel = level - plan.depth + 1;
  const prime = algebra.primeAt(sumLevel);
  if (plan.leadingPower === null) {
    const outputScale = algebra.scaleOf(input);
    const result = evaluation.sumAt(sum, sumLevel, outputScale * prime, null);
    return scope.handOver(evaluation.rescale(result, outputScale));
  }
  const root = evaluation.power(plan.leadingPower, sumLevel);
  const scale = algebra.scaleOf(root) * algebra.scaleOf(root);
  const square = scope.own(algebra.multiply(root, root, scale));
  const result = evaluation.sumAt(sum, sumLevel, scale, square);
  return scope.handOver(evaluation.rescale(result, scale / prime));
}

class Evaluation<C, P> {
  readonly #algebra: SlotAlgebra<C, P>;
  readonly #scope: CiphertextScope<C>;
  readonly #lowered: LoweredCiphertexts<C>;
  /** T_k(x), each at its highest level. */
  readonly #powers = new Map<number, C>();

  constructor(
    algebra: SlotAlgebra<C, P>,
    scope: CiphertextScope<C>,
    level: number,
    input: C,
    powers: readonly number[],
  ) {
    this.#algebra = algebra;
    this.#scope = scope;
    this.#lowered = new LoweredCiphertexts(algebra, scope);
    this.#powers.set(1, this.#lowered.at(input, level));
    for (const k of powers) this.#powers.set(k, this.#makePower(k, level - chebyshevDepth(k) + 1));
  }

  power(k: number, level: number): C {
    const power = this.#powers.get(k);
    if (power === undefined) throw new InternalError(`T_${k} has not been computed`);
    return this.#lowered.at(power, level);
  }

  rescale(sum: C, scale: number): C {
    this.#algebra.relinearizeInPlace(sum);
    this.#algebra.rescaleInPlace(sum, scale);
    return sum;
  }

  /** `initial` + the sum, at `level` and `scale`, neither relinearized nor rescaled. */
  sumAt(sum: ChebyshevSum, level: number, scale: number, initial: C | null): C {
    const algebra = this.#algebra;
    let total = initial;
    for (const { giant, quotient } of sum.products) {
      const power = this.power(giant, level);
      const quotientScale = scale / algebra.scaleOf(power);
      const raw = this.sumAt(quotient, level + 1, quotientScale * algebra.primeAt(level + 1), null);
      const factor = this.rescale(raw, quotientScale);
      const product = this.#scope.own(algebra.multiply(factor, power, scale));
      this.#scope.free(factor);
      total = this.#add(total, product);
    }
    for (const { k, coefficient } of sum.terms) {
      const power = this.power(k, level);
      const plainScale = scale / algebra.scaleOf(power);
      total = accumulate(algebra, this.#scope, total, power, coefficient, scale, plainScale);
    }
    total ??= almostZero(algebra, this.#scope, this.power(1, level), scale);
    if (sum.constant !== null) addConstant(algebra, total, sum.constant);
    return total;
  }

  /** T_k = 2·T_a·T_b − T_{a−b} with a = ⌈k/2⌉, b = ⌊k/2⌋, so a − b is 0 (T_0 = 1) or 1. */
  #makePower(k: number, level: number): C {
    const algebra = this.#algebra;
    const a = this.power(Math.ceil(k / 2), level);
    const b = this.power(Math.floor(k / 2), level);
    const scale = algebra.scaleOf(a) * algebra.scaleOf(b);
    const product = this.#scope.own(algebra.multiply(a, b, scale));
    // Doubled before the rescale, so that its rounding error is not.
    algebra.addInPlace(product, product);
    if (k % 2 === 1) {
      const x = this.power(1, level);
      accumulate(algebra, this.#scope, product, x, -1, scale, scale / algebra.scaleOf(x));
    }
    this.rescale(product, scale / algebra.primeAt(level));
    if (k % 2 === 0) addConstant(algebra, product, -1);
    return product;
  }

  #add(total: C | null, addend: C): C {
    if (total === null) return addend;
    assertSameScale(this.#algebra.scaleOf(total), this.#algebra.scaleOf(addend));
    this.#algebra.addInPlace(total, addend);
    this.#scope.free(addend);
    return total;
  }
}
