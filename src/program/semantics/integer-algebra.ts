/**
 * The interpreter of integer programs: exact integers modulo the product of the plain moduli, centred. What BFV computes
 * on ciphertexts, this computes in the clear: the reference that encrypted results equal to the last digit.
 */
import { InternalError } from '../../errors.ts';
import type { Coefficient } from '../program.ts';
import { CountingAlgebra, assertDegreeOne } from './counting-algebra.ts';
import type { ShapeCiphertext, ShapePlaintext } from './counting-algebra.ts';
import type { SlotAlgebra } from './slot-algebra.ts';

export interface IntegerCiphertext extends ShapeCiphertext {
  /** Congruent to the slots; reduced after products of ciphertexts and at each rescale. */
  readonly slots: bigint[];
}

/** Slots that are not zero. */
export interface IntegerPlaintext extends ShapePlaintext {
  readonly entries: readonly (readonly [slot: number, value: bigint])[];
}

/** In −m/2 … m/2. */
export function centred(value: bigint, modulus: bigint): bigint {
  const remainder = ((value % modulus) + modulus) % modulus;
  return 2n * remainder > modulus ? remainder - modulus : remainder;
}

/** @throws InternalError if a plaintext of an integer program is no integer: the compiler rounds them all */
export function exactInteger(value: number): bigint {
  if (!Number.isInteger(value)) throw new InternalError(`the integer program holds ${value}`);
  return BigInt(value);
}

export class IntegerAlgebra implements SlotAlgebra<IntegerCiphertext, IntegerPlaintext> {
  readonly slotCount: number;
  readonly #modulus: bigint;
  readonly #shapes: CountingAlgebra;
  readonly #checkpoint: () => void;
  readonly #encoded = new WeakMap<object, IntegerPlaintext['entries']>();

  /**
   * @param modulus product of the plain moduli
   * @param checkpoint called before every rotation and product; it may throw to cancel
   */
  constructor(slotCount: number, levels: number, modulus: bigint, checkpoint: () => void = () => undefined) {
    this.slotCount = slotCount;
    this.#modulus = modulus;
    this.#shapes = new CountingAlgebra(slotCount, Array<number>(levels).fill(1));
    this.#checkpoint = checkpoint;
  }

  primeAt(level: number): number {
    return this.#shapes.primeAt(level);
  }

  levelOf(ciphertext: IntegerCiphertext): number {
    return ciphertext.level;
  }

  scaleOf(ciphertext: IntegerCiphertext): number {
    return ciphertext.scale;
  }

  rotate(ciphertext: IntegerCiphertext, step: number): IntegerCiphertext {
    const rotated = { ...ciphertext, slots: ciphertext.slots.slice() };
    this.rotateInPlace(rotated, step);
    return rotated;
  }

  rotateInPlace(ciphertext: IntegerCiphertext, step: number): void {
    this.#checkpoint();
    this.#shapes.rotateInPlace(ciphertext, step);
    const { slots } = ciphertext;
    const wrapped = slots.slice(0, step);
    slots.copyWithin(0, step);
    wrapped.forEach((value, i) => (slots[this.slotCount - step + i] = value));
  }

  dropToLevel(ciphertext: IntegerCiphertext, level: number): IntegerCiphertext {
    return { ...this.#shapes.dropToLevel(ciphertext, level), slots: ciphertext.slots.slice() };
  }

  multiply(left: IntegerCiphertext, right: IntegerCiphertext, scale: number): IntegerCiphertext {
    this.#checkpoint();
    const shape = this.#shapes.multiply(left, right, scale);
    const slots = left.slots.map((value, i) => centred(value * right.slots[i]!, this.#modulus));
    return { ...shape, slots };
  }

  multiplyPlain(ciphertext: IntegerCiphertext, plain: IntegerPlaintext, scale: number): IntegerCiphertext {
    const shape = this.#shapes.multiplyPlain(ciphertext, plain, scale);
    const product = { ...shape, slots: Array<bigint>(this.slotCount).fill(0n) };
    this.#multiplyAdd(product, ciphertext, plain);
    return product;
  }

  multiplyPlainAddInPlace(
    sum: IntegerCiphertext,
    ciphertext: IntegerCiphertext,
    plain: IntegerPlaintext,
  ): void {
    this.#shapes.multiplyPlainAddInPlace(sum, ciphertext, plain);
    this.#multiplyAdd(sum, ciphertext, plain);
  }

  addInPlace(sum: IntegerCiphertext, addend: IntegerCiphertext): void {
    this.#shapes.addInPlace(sum, addend);
    const [into, from] = [sum.slots, addend.slots];
    for (let i = 0; i < into.length; i++) into[i] = into[i]! + from[i]!;
  }

  addPlainInPlace(sum: IntegerCiphertext, plain: IntegerPlaintext): void {
    this.#shapes.addPlainInPlace(sum, plain);
    const { slots } = sum;
    for (const [slot, value] of plain.entries) slots[slot] = slots[slot]! + value;
  }

  relinearizeInPlace(ciphertext: IntegerCiphertext): void {
    this.#shapes.relinearizeInPlace(ciphertext);
  }

  rescaleInPlace(ciphertext: IntegerCiphertext, scale: number): void {
    assertDegreeOne(ciphertext, 'rescale');
    this.#shapes.rescaleInPlace(ciphertext, scale);
    const { slots } = ciphertext;
    for (let i = 0; i < slots.length; i++) slots[i] = centred(slots[i]!, this.#modulus);
  }

  zeroFrom(ciphertext: IntegerCiphertext): IntegerCiphertext {
    return { ...ciphertext, slots: Array<bigint>(this.slotCount).fill(0n) };
  }

  encode(value: Coefficient, level: number, scale: number): IntegerPlaintext | null {
    if (this.#shapes.encode(value, level, scale) === null) return null;
    const entries = this.#entries(value).filter(([, entry]) => entry % this.#modulus !== 0n);
    return entries.length === 0 ? null : { level, scale, entries };
  }

  free(): void {
    // The garbage collector does.
  }

  release(): void {
    // The garbage collector does.
  }

  #entries(value: Coefficient): IntegerPlaintext['entries'] {
    if (typeof value === 'number') {
      const integer = exactInteger(value);
      return Array.from({ length: this.slotCount }, (_, slot) => [slot, integer] as const);
    }
    let entries = this.#encoded.get(value);
    if (entries === undefined) {
      entries = Array.from(value.values, (entry, k) => {
        return [value.indices === null ? k : value.indices[k]!, exactInteger(entry)] as const;
      });
      this.#encoded.set(value, entries);
    }
    return entries;
  }

  #multiplyAdd(sum: IntegerCiphertext, x: IntegerCiphertext, plain: IntegerPlaintext): void {
    this.#checkpoint();
    for (const [slot, value] of plain.entries) sum.slots[slot] = sum.slots[slot]! + x.slots[slot]! * value;
  }
}
