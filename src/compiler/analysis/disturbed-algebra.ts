/** The interpreter that adds to every value what an encrypted operation would add to it: errors by experiment. */
import type { Coefficient } from '../../program/program.ts';
import { toDense } from '../../program/slot-vector.ts';
import type { CleartextCiphertext, CleartextPlaintext } from '../../program/semantics/cleartext-algebra.ts';
import { CleartextAlgebra } from '../../program/semantics/cleartext-algebra.ts';
import type { NoiseSources } from './noise-sources.ts';

/** Errors of the variances of `noise-sources.ts`; numbers for all slots count as encoded exactly. */
export class DisturbedAlgebra extends CleartextAlgebra {
  readonly #sources: NoiseSources;
  readonly #draw: () => number;

  /** `draw` yields the next error, in standard deviations. */
  constructor(slotCount: number, primes: readonly number[], sources: NoiseSources, draw: () => number) {
    super(slotCount, primes);
    this.#sources = sources;
    this.#draw = draw;
  }

  override relinearizeInPlace(ciphertext: CleartextCiphertext): void {
    const { degree, level, scale } = ciphertext;
    super.relinearizeInPlace(ciphertext);
    if (degree === 2) this.#disturb(ciphertext.slots, this.#sources.keySwitch(level, scale));
  }

  override rescaleInPlace(ciphertext: CleartextCiphertext, scale: number): void {
    super.rescaleInPlace(ciphertext, scale);
    this.#disturb(ciphertext.slots, this.#sources.rescale(scale));
  }

  override encode(value: Coefficient, level: number, scale: number): CleartextPlaintext | null {
    const plain = super.encode(value, level, scale);
    if (plain === null || typeof value === 'number') return plain;
    const values = toDense(value, new Float64Array(this.slotCount));
    this.#disturb(values, this.#sources.plaintext(scale));
    return { ...plain, value: { indices: null, values } };
  }

  #disturb(slots: Float64Array, variance: number): void {
    const deviation = Math.sqrt(variance);
    for (let i = 0; i < slots.length; i++) slots[i] = slots[i]! + deviation * this.#draw();
  }
}
