/** Values per element, such as biases and coefficients, spread over the slots of a layout. */
import { pack, type Layout } from '../../program/layout.ts';
import { fromDense, type SlotVector } from '../../program/slot-vector.ts';

/** One vector per ciphertext, all copies filled; `empty` in the slots without an element. */
export function packElements(layout: Layout, values: ArrayLike<number>, empty = 0): SlotVector[] {
  const packed = pack(layout, values);
  if (empty !== 0) {
    const taken = pack(layout, new Float64Array(values.length).fill(1));
    packed.forEach((slots, ciphertext) => {
      const own = taken[ciphertext]!;
      for (let slot = 0; slot < slots.length; slot++) if (own[slot] === 0) slots[slot] = empty;
    });
  }
  return packed.map(fromDense);
}

/** The same value at every element. */
export function packUniform(layout: Layout, value: number, empty: number): SlotVector[] {
  return packElements(layout, new Float64Array(layout.positions.length).fill(value), empty);
}
