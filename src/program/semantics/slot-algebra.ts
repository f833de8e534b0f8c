/**
 * The primitive operations of a levelled RNS-CKKS evaluator, over an opaque ciphertext C and plaintext P. Kernels are
 * written once against it; interpreters compute values, counts or ciphertexts.
 *
 * Ownership: a method that returns a C gives it to the caller, who must `free` it exactly once. Arguments are
 * borrowed. A P is borrowed from the algebra between `encode` and `release`, which lets an algebra cache it.
 * Scales are exact: a method that makes a scale takes the planned one, which must agree with the natural one up to
 * rounding (`assertSameScale`), so that sums meet at bit-equal scales.
 */
import { InternalError } from '../../errors.ts';
import type { Coefficient } from '../program.ts';

/** One term of a sum of ciphertexts with a number for all slots each. */
export interface WeightedTerm<C> {
  readonly ciphertext: C;
  readonly weight: number;
  /** The weight counts as the integer next to weight · plainScale. */
  readonly plainScale: number;
}

export interface SlotAlgebra<C, P> {
  readonly slotCount: number;
  /** q_level as a float64. */
  primeAt(level: number): number;
  levelOf(ciphertext: C): number;
  scaleOf(ciphertext: C): number;

  /** One key switch: slots move left by `step`, for which there must be a key. */
  rotate(ciphertext: C, step: number): C;
  rotateInPlace(ciphertext: C, step: number): void;
  /** A copy at `level` ≤ its own level, same scale. */
  dropToLevel(ciphertext: C, level: number): C;
  /** A product of degree 2 in the secret: to be relinearized before it is rotated, multiplied or rescaled. */
  multiply(left: C, right: C, scale: number): C;
  multiplyPlain(ciphertext: C, plain: P, scale: number): C;
  /** sum ← sum + ciphertext · plain, at the sum's level and scale. */
  multiplyPlainAddInPlace(sum: C, ciphertext: C, plain: P): void;
  /**
   * Σ ciphertext · weight at `scale`, all ciphertexts at one level, with an error no larger than that of encoded vectors; null
   * if it is certain to be zero. For algebras that know a better way than a product for each.
   */
  weightedSum?(terms: readonly WeightedTerm<C>[], scale: number): C | null;
  /** Level and scale must be equal. */
  addInPlace(sum: C, addend: C): void;
  addPlainInPlace(sum: C, plain: P): void;
  /** Does nothing to a ciphertext of degree 1. */
  relinearizeInPlace(ciphertext: C): void;
  /** Divides by q_level and lowers the level by one. */
  rescaleInPlace(ciphertext: C, scale: number): void;
  /** sin(2πx / ratio), at the level and scale that refreshes under the chain lead to. For algebras that can. */
  refresh?(ciphertext: C, ratio: number, level: number, scale: number): C;
  free(ciphertext: C): void;
  /** An encryption of exactly zero made of any ciphertext, where the smallest plaintext is not near zero: in exact schemes. */
  zeroFrom?(ciphertext: C): C;

  /** Null if every slot encodes to zero at this scale: the product with it must then be skipped. */
  encode(value: Coefficient, level: number, scale: number): P | null;
  release(plain: P): void;
}

/** Planned and natural scale may differ by rounding only; anything else is a fault of the plan. */
export function assertSameScale(planned: number, natural: number): void {
  if (!(Math.abs(planned - natural) <= 1e-12 * natural)) {
    throw new InternalError(`planned scale ${planned} but the operation yields ${natural}`);
  }
}

/** Owns ciphertexts until it is disposed or they are handed over, so that an exception frees them too. */
export class CiphertextScope<C> implements Disposable {
  readonly #free: (ciphertext: C) => void;
  readonly #owned = new Set<C>();

  constructor(algebra: Pick<SlotAlgebra<C, unknown>, 'free'>) {
    this.#free = (ciphertext) => algebra.free(ciphertext);
  }

  own(ciphertext: C): C {
    this.#owned.add(ciphertext);
    return ciphertext;
  }

  /** Gives up ownership: the caller has it now. */
  handOver(ciphertext: C): C {
    this.#owned.delete(ciphertext);
    return ciphertext;
  }

  /** Frees now; borrowed ciphertexts are left alone. */
  free(ciphertext: C): void {
    if (this.#owned.delete(ciphertext)) this.#free(ciphertext);
  }

  [Symbol.dispose](): void {
    for (const ciphertext of this.#owned) this.#free(ciphertext);
    this.#owned.clear();
  }
}

/** Ciphertexts lowered to levels, each made once; a ciphertext already at the level is borrowed as it is. */
export class LoweredCiphertexts<C> {
  readonly #algebra: SlotAlgebra<C, unknown>;
  readonly #scope: CiphertextScope<C>;
  readonly #lowered = new Map<C, Map<number, C>>();

  constructor(algebra: SlotAlgebra<C, unknown>, scope: CiphertextScope<C>) {
    this.#algebra = algebra;
    this.#scope = scope;
  }

  at(ciphertext: C, level: number): C {
    if (this.#algebra.levelOf(ciphertext) === level) return ciphertext;
    let byLevel = this.#lowered.get(ciphertext);
    if (byLevel === undefined) this.#lowered.set(ciphertext, (byLevel = new Map<number, C>()));
    let lowered = byLevel.get(level);
    if (lowered === undefined) {
      byLevel.set(level, (lowered = this.#scope.own(this.#algebra.dropToLevel(ciphertext, level))));
    }
    return lowered;
  }
}

/**
 * Adds ciphertext · value to `sum` (which may not exist yet), at the level of both and at `scale`.
 * Returns the sum, owned by `scope`; null only if it was null and the value encodes to zero.
 */
export function accumulate<C, P>(
  algebra: SlotAlgebra<C, P>,
  scope: CiphertextScope<C>,
  sum: C | null,
  ciphertext: C,
  value: Coefficient,
  scale: number,
  plainScale: number,
): C | null {
  const plain = algebra.encode(value, algebra.levelOf(ciphertext), plainScale);
  if (plain === null) return sum;
  try {
    if (sum === null) return scope.own(algebra.multiplyPlain(ciphertext, plain, scale));
    algebra.multiplyPlainAddInPlace(sum, ciphertext, plain);
    return sum;
  } finally {
    algebra.release(plain);
  }
}

/** sum ← sum + value; nothing if the value encodes to zero. */
export function addConstant<C, P>(algebra: SlotAlgebra<C, P>, sum: C, value: Coefficient): void {
  const plain = algebra.encode(value, algebra.levelOf(sum), algebra.scaleOf(sum));
  if (plain === null) return;
  try {
    algebra.addPlainInPlace(sum, plain);
  } finally {
    algebra.release(plain);
  }
}

/**
 * Stands for an encrypted zero where all factors vanish: the ciphertext times the smallest non-zero plaintext, 1 / its
 * scale, which is far below the noise. An exact zero would be a transparent ciphertext, which backends refuse since it
 * hides nothing.
 */
export function almostZero<C, P>(
  algebra: SlotAlgebra<C, P>,
  scope: CiphertextScope<C>,
  ciphertext: C,
  scale: number,
): C {
  if (algebra.zeroFrom !== undefined) return scope.own(algebra.zeroFrom(ciphertext));
  const plainScale = scale / algebra.scaleOf(ciphertext);
  const product = accumulate(algebra, scope, null, ciphertext, 1 / plainScale, scale, plainScale);
  if (product === null) throw new InternalError('the smallest plaintext encodes to zero');
  return product;
}
