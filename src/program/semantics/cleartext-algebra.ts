/** The interpreter that computes values: float64 slots, with levels and scales checked as strictly as on ciphertexts. */
import type { Coefficient } from '../program.ts';
import { CountingAlgebra, assertDegreeOne } from './counting-algebra.ts';
import type { ShapeCiphertext, ShapePlaintext } from './counting-algebra.ts';
import { refreshed } from './evaluate-refresh.ts';
import type { SlotAlgebra } from './slot-algebra.ts';

export interface CleartextCiphertext extends ShapeCiphertext {
  readonly slots: Float64Array;
}

export interface CleartextPlaintext extends ShapePlaintext {
  readonly value: Coefficient;
}

export class CleartextAlgebra implements SlotAlgebra<CleartextCiphertext, CleartextPlaintext> {
  readonly slotCount: number;
  readonly #shapes: CountingAlgebra;
  readonly #scratch: Float64Array;
  readonly #checkpoint: () => void;

  /** `checkpoint` is called before every rotation and product; it may throw to cancel. */
  constructor(slotCount: number, primes: readonly number[], checkpoint: () => void = () => undefined) {
    this.slotCount = slotCount;
    this.#shapes = new CountingAlgebra(slotCount, primes);
    this.#scratch = new Float64Array(slotCount);
    this.#checkpoint = checkpoint;
  }

  primeAt(level: number): number {
    return this.#shapes.primeAt(level);
  }

  levelOf(ciphertext: CleartextCiphertext): number {
    return ciphertext.level;
  }

  scaleOf(ciphertext: CleartextCiphertext): number {
    return ciphertext.scale;
  }

  rotate(ciphertext: CleartextCiphertext, step: number): CleartextCiphertext {
    const rotated = { ...ciphertext, slots: ciphertext.slots.slice() };
    this.rotateInPlace(rotated, step);
    return rotated;
  }

  rotateInPlace(ciphertext: CleartextCiphertext, step: number): void {
    this.#checkpoint();
    this.#shapes.rotateInPlace(ciphertext, step);
    const wrapped = this.#scratch.subarray(0, step);
    wrapped.set(ciphertext.slots.subarray(0, step));
    ciphertext.slots.copyWithin(0, step);
    ciphertext.slots.set(wrapped, this.slotCount - step);
  }

  dropToLevel(ciphertext: CleartextCiphertext, level: number): CleartextCiphertext {
    return { ...this.#shapes.dropToLevel(ciphertext, level), slots: ciphertext.slots.slice() };
  }

  multiply(left: CleartextCiphertext, right: CleartextCiphertext, scale: number): CleartextCiphertext {
    this.#checkpoint();
    const slots = left.slots.map((value, i) => value * right.slots[i]!);
    return { ...this.#shapes.multiply(left, right, scale), slots };
  }

  multiplyPlain(
    ciphertext: CleartextCiphertext,
    plain: CleartextPlaintext,
    scale: number,
  ): CleartextCiphertext {
    this.#checkpoint();
    const product = {
      ...this.#shapes.multiplyPlain(ciphertext, plain, scale),
      slots: new Float64Array(this.slotCount),
    };
    multiplyAdd(product.slots, ciphertext.slots, plain.value);
    return product;
  }

  multiplyPlainAddInPlace(
    sum: CleartextCiphertext,
    ciphertext: CleartextCiphertext,
    plain: CleartextPlaintext,
  ): void {
    this.#checkpoint();
    this.#shapes.multiplyPlainAddInPlace(sum, ciphertext, plain);
    multiplyAdd(sum.slots, ciphertext.slots, plain.value);
  }

  addInPlace(sum: CleartextCiphertext, addend: CleartextCiphertext): void {
    this.#shapes.addInPlace(sum, addend);
    const [into, from] = [sum.slots, addend.slots];
    for (let i = 0; i < into.length; i++) into[i] = into[i]! + from[i]!;
  }

  addPlainInPlace(sum: CleartextCiphertext, plain: CleartextPlaintext): void {
    this.#shapes.addPlainInPlace(sum, plain);
    const { slots } = sum;
    const { value } = plain;
    if (typeof value === 'number') {
      for (let i = 0; i < slots.length; i++) slots[i] = slots[i]! + value;
    } else if (value.indices === null) {
      for (let i = 0; i < slots.length; i++) slots[i] = slots[i]! + value.values[i]!;
    } else {
      const { indices, values } = value;
      for (let k = 0; k < indices.length; k++) slots[indices[k]!] = slots[indices[k]!]! + values[k]!;
    }
  }

  relinearizeInPlace(ciphertext: CleartextCiphertext): void {
    this.#shapes.relinearizeInPlace(ciphertext);
  }

  rescaleInPlace(ciphertext: CleartextCiphertext, scale: number): void {
    assertDegreeOne(ciphertext, 'rescale');
    this.#shapes.rescaleInPlace(ciphertext, scale);
  }

  refresh(ciphertext: CleartextCiphertext, ratio: number, level: number, scale: number): CleartextCiphertext {
    this.#checkpoint();
    const slots = ciphertext.slots.map((z) => refreshed(z, ratio));
    return { ...this.#shapes.refresh(ciphertext, ratio, level, scale), slots };
  }

  encode(value: Coefficient, level: number, scale: number): CleartextPlaintext | null {
    return this.#shapes.encode(value, level, scale) === null ? null : { level, scale, value };
  }

  free(): void {
    // The garbage collector does.
  }

  release(): void {
    // The garbage collector does.
  }
}

/** sum ← sum + x ⊙ value: the inner loop of cleartext programs. */
function multiplyAdd(sum: Float64Array, x: Float64Array, value: Coefficient): void {
  if (typeof value === 'number') {
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + x[i]! * value;
    return;
  }
  const { indices, values } = value;
  if (indices === null) {
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + x[i]! * values[i]!;
    return;
  }
  for (let k = 0; k < indices.length; k++) {
    const slot = indices[k]!;
    sum[slot] = sum[slot]! + x[slot]! * values[k]!;
  }
}
