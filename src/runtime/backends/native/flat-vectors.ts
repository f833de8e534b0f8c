/** Coefficients as the engine takes them, each stored once. */
import type { Coefficient } from '../../../program/program.ts';
import type { FlatVectors } from './engine-addon.ts';

export class VectorTable implements FlatVectors {
  readonly values: Float64Array[] = [];
  readonly positions: (Int32Array | null)[] = [];
  readonly #known = new Map<Coefficient, number>();

  /** Index of the coefficient. */
  add(coefficient: Coefficient): number {
    const known = this.#known.get(coefficient);
    if (known !== undefined) return known;
    const index = this.values.length;
    this.#known.set(coefficient, index);
    if (typeof coefficient === 'number' || coefficient.values.length === 0) {
      this.values.push(Float64Array.of(typeof coefficient === 'number' ? coefficient : 0));
      this.positions.push(null);
    } else {
      this.values.push(coefficient.values);
      this.positions.push(coefficient.indices);
    }
    return index;
  }
}

/**
 * Whether the value is sure to encode to zero at `scale`: the coefficients of the plaintext polynomial are means of the slots,
 * times roots of unity, and so none is larger than the largest slot.
 */
export function encodesToZero(value: Coefficient, scale: number): boolean {
  if (typeof value === 'number') return Math.abs(value) * scale < 0.5;
  return value.values.every((slot) => Math.abs(slot) * scale < 0.5);
}
