/**
 * A layout maps tensor elements (row-major index) to slots. The packed tensor is a list of `ciphertexts`
 * ciphertexts of `slotCount` slots; a global slot is `ciphertext · slotCount + slot`.
 *
 * If `period < slotCount` the tensor fits in one ciphertext and stands `slotCount / period` times in it: element
 * e is at `positions[e] + k·period (mod slotCount)` for every k. `period === slotCount` means one copy only.
 * Slots that belong to no element are unspecified ("junk") inside a program, and zero in client inputs.
 */
export interface Layout {
  /** Shape of the tensor, without interpretation: batch axis included as in ONNX. */
  readonly shape: readonly number[];
  readonly slotCount: number;
  readonly ciphertexts: number;
  readonly period: number;
  /** Global slot of each element's first copy; length = number of elements; entries are distinct. */
  readonly positions: Int32Array;
  /** Human-readable name, as the draft's input_packing_format: e.g. "grid(h·32+w, block 1024, copies 8)". */
  readonly format: string;
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Packs row-major tensor values into dense slot vectors, copies included, zero elsewhere. */
export function pack(layout: Layout, values: ArrayLike<number>): Float64Array[] {
  const { slotCount, period, positions } = layout;
  const packed = Array.from({ length: layout.ciphertexts }, () => new Float64Array(slotCount));
  const copies = slotCount / period;
  for (let e = 0; e < positions.length; e++) {
    const global = positions[e]!;
    const block = packed[Math.floor(global / slotCount)]!;
    const slot = global % slotCount;
    for (let k = 0; k < copies; k++) block[(slot + k * period) % slotCount] = values[e]!;
  }
  return packed;
}

/** Reads the first copy of each element back, row-major. */
export function unpack(layout: Layout, packed: readonly Float64Array[]): Float64Array {
  const { slotCount, positions } = layout;
  const values = new Float64Array(positions.length);
  for (let e = 0; e < positions.length; e++) {
    const global = positions[e]!;
    values[e] = packed[Math.floor(global / slotCount)]![global % slotCount]!;
  }
  return values;
}
