/** Arithmetic of static shapes. Tensors are row-major throughout. */
import type { Shape } from '../ir/tensor-graph.ts';

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/** Multidirectional (NumPy) broadcasting; null if the shapes do not fit. */
export function broadcast(shapes: readonly Shape[]): number[] | null {
  const rank = shapes.reduce((most, shape) => Math.max(most, shape.length), 0);
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    const offset = rank - shape.length;
    for (const [axis, dim] of shape.entries()) {
      if (dim === 1 || dim === result[offset + axis]) continue;
      if (result[offset + axis] !== 1) return null;
      result[offset + axis] = dim;
    }
  }
  return result;
}

/**
 * For every element of a tensor of shape `out`, Σ_axis index[axis] · strides[axis] + start: the element of another tensor
 * that it reads. Strides may be zero (broadcast) or negative.
 */
export function stridedIndices(out: Shape, strides: readonly number[], start = 0): Int32Array {
  const total = sizeOf(out);
  const indices = new Int32Array(total);
  const index = new Array<number>(out.length).fill(0);
  let position = start;
  for (let element = 0; element < total; element++) {
    indices[element] = position;
    for (let axis = out.length - 1; axis >= 0; axis--) {
      position += strides[axis]!;
      if (++index[axis]! < out[axis]!) break;
      position -= strides[axis]! * out[axis]!;
      index[axis] = 0;
    }
  }
  return indices;
}

/** For every element of `out`, the element of a tensor of shape `from` that broadcasting puts there. */
export function broadcastIndices(from: Shape, out: Shape): Int32Array {
  const offset = out.length - from.length;
  const strides = stridesOf(from);
  return stridedIndices(
    out,
    out.map((_, axis) => (axis < offset || from[axis - offset] === 1 ? 0 : strides[axis - offset]!)),
  );
}
