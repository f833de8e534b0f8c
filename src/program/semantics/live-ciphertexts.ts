/** Dry run of a polynomial that follows how many ciphertexts are alive at each level. */
import type { PolynomialInstruction } from '../program.ts';
import { planStructure } from './choose-polynomial-plan.ts';
import type { ShapeCiphertext, ShapePlaintext } from './counting-algebra.ts';
import { CountingAlgebra } from './counting-algebra.ts';
import { evaluatePolynomial } from './evaluate-polynomial.ts';

/** In ciphertexts of two polynomials: what relinearization and rescaling hold for a moment, beyond their operands. */
const SCRATCH = 3;

/**
 * The most ciphertexts alive at one time while one output ciphertext is made, by level; products before their
 * relinearization, which are half as large again, have a peak of their own.
 */
export function liveCiphertexts(instruction: PolynomialInstruction, slotCount: number): Map<number, number> {
  const plan = planStructure(instruction);
  const { level } = instruction;
  // Nothing but levels matters: all primes and scales may be the same.
  const algebra = new LiveAlgebra(slotCount, Array<number>(level + 1).fill(2 ** 40));
  const input = { level, scale: 2 ** 40, degree: 1 } as const;
  evaluatePolynomial(algebra, plan, level, { ...input }, 0);
  return algebra.peaks();
}

type Degree = ShapeCiphertext['degree'];

class LiveAlgebra extends CountingAlgebra {
  readonly #alive = new Map<string, number>();
  readonly #peaks = new Map<string, { readonly level: number; readonly degree: Degree; count: number }>();

  peaks(): Map<number, number> {
    const byLevel = new Map<number, number>();
    for (const { level, degree, count } of this.#peaks.values()) {
      const size = degree === 2 ? 1.5 * count : count;
      byLevel.set(level, (byLevel.get(level) ?? SCRATCH) + size);
    }
    return byLevel;
  }

  override dropToLevel(ciphertext: ShapeCiphertext, level: number): ShapeCiphertext {
    return this.#born(super.dropToLevel(ciphertext, level));
  }

  override multiply(left: ShapeCiphertext, right: ShapeCiphertext, scale: number): ShapeCiphertext {
    return this.#born(super.multiply(left, right, scale));
  }

  override multiplyPlain(ciphertext: ShapeCiphertext, plain: ShapePlaintext, scale: number): ShapeCiphertext {
    return this.#born(super.multiplyPlain(ciphertext, plain, scale));
  }

  override multiplyPlainAddInPlace(
    sum: ShapeCiphertext,
    ciphertext: ShapeCiphertext,
    plain: ShapePlaintext,
  ): void {
    const product = this.multiplyPlain(ciphertext, plain, sum.scale);
    this.#change(sum, () => this.addInPlace(sum, product));
    this.free(product);
  }

  override relinearizeInPlace(ciphertext: ShapeCiphertext): void {
    this.#change(ciphertext, () => super.relinearizeInPlace(ciphertext));
  }

  override rescaleInPlace(ciphertext: ShapeCiphertext, scale: number): void {
    this.#change(ciphertext, () => super.rescaleInPlace(ciphertext, scale));
  }

  override free(ciphertext?: ShapeCiphertext): void {
    if (ciphertext !== undefined) this.#count(ciphertext, -1);
  }

  #born(ciphertext: ShapeCiphertext): ShapeCiphertext {
    this.#count(ciphertext, 1);
    return ciphertext;
  }

  /** The new form is there before the old one goes. */
  #change(ciphertext: ShapeCiphertext, apply: () => void): void {
    const before = { ...ciphertext };
    apply();
    this.#count(ciphertext, 1);
    this.#count(before, -1);
  }

  #count({ level, degree }: ShapeCiphertext, by: number): void {
    const key = `${level}/${degree}`;
    const alive = (this.#alive.get(key) ?? 0) + by;
    this.#alive.set(key, alive);
    const peak = this.#peaks.get(key);
    if (peak === undefined) this.#peaks.set(key, { level, degree, count: alive });
    else peak.count = Math.max(peak.count, alive);
  }
}
