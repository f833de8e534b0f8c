/**
 * A plaintext operand of a slot program: one float64 per slot, stored sparsely when most slots are zero.
 * `indices === null` means dense: `values[i]` belongs to slot i. Otherwise `values[k]` belongs to slot
 * `indices[k]`; indices ascend strictly and every other slot is zero.
 */
export interface SlotVector {
  readonly indices: Int32Array | null;
  readonly values: Float64Array;
}

/** Writes the vector densely into `out` (length = slot count), zero elsewhere. */
export function toDense(vector: SlotVector, out: Float64Array): Float64Array {
  if (vector.indices === null) {
    out.set(vector.values);
    return out;
  }
  out.fill(0);
  const { indices, values } = vector;
  for (let k = 0; k < indices.length; k++) out[indices[k]!] = values[k]!;
  return out;
}

/** Builds the smaller of the two forms from a dense array (the array is copied). */
export function fromDense(dense: Float64Array): SlotVector {
  let count = 0;
  for (const value of dense) if (value !== 0) count++;
  if (count * 3 > dense.length * 2) return { indices: null, values: dense.slice() };
  const indices = new Int32Array(count);
  const values = new Float64Array(count);
  let k = 0;
  for (let i = 0; i < dense.length; i++) {
    if (dense[i] === 0) continue;
    indices[k] = i;
    values[k++] = dense[i]!;
  }
  return { indices, values };
}

export function isZero(vector: SlotVector): boolean {
  return vector.values.every((value) => value === 0);
}
