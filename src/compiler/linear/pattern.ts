/** What the search needs to know of a matrix without its values: an identity for caches, and its spatial stride. */
import type { Shape } from '../ir/tensor-graph.ts';
import { spatialOf } from './grid.ts';
import type { SparseMatrix } from './sparse-matrix.ts';

/** A sparsity pattern with a key: equal keys mean equal patterns, so that repeated layers share their analysis. */
export interface Pattern {
  readonly key: string;
  readonly matrix: SparseMatrix;
}

export function patternOf(matrix: SparseMatrix): Pattern {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (const part of [matrix.rowStart, matrix.columns]) {
    for (const value of part) {
      a = Math.imul(a ^ value, 0x01000193);
      b = Math.imul(b ^ (b >>> 15) ^ value, 0x85ebca6b);
    }
  }
  return { key: `${matrix.rows}x${matrix.cols}:${matrix.columns.length}:${a >>> 0}:${b >>> 0}`, matrix };
}

/**
 * Input positions per output position along each spatial axis: 2 for a convolution of stride 2 (pooling composed in
 * or not), 1/2 for an upsampling by 2. Read off the centroids of the columns of neighbouring rows, since compositions
 * have no attribute to read. Null where the map is not of that kind (dense, transposed, another spatial rank).
 */
export function spatialStrides(matrix: SparseMatrix, input: Shape, output: Shape): number[] | null {
  const from = spatialOf(input);
  const to = spatialOf(output);
  if (from.length === 0 || from.length !== to.length) return null;
  const strides: number[] = [];
  for (let axis = 0; axis < to.length; axis++) {
    const stride = axisStride(matrix, from, to, axis);
    if (stride === null) return null;
    strides.push(stride);
  }
  return strides;
}

function axisStride(
  matrix: SparseMatrix,
  from: readonly number[],
  to: readonly number[],
  axis: number,
): number | null {
  const extent = to[axis]!;
  // A single output position (global pooling) leaves the whole axis as its gap.
  if (extent === 1) return from[axis]!;
  // The middle half: rows near the border have lost some of their columns to padding.
  const low = Math.floor((extent - 1) / 4);
  const high = Math.max(low + 1, extent - 1 - low);
  const volume = to.reduce((a, b) => a * b, 1);
  const rowOf = (x: number, channel: number): number => {
    let index = 0;
    for (let d = 0; d < to.length; d++) index = index * to[d]! + (d === axis ? x : Math.floor(to[d]! / 2));
    return channel * volume + index;
  };
  const channels = matrix.rows / volume;
  for (let channel = 0; channel < channels; channel++) {
    const first = centroid(matrix, rowOf(low, channel), from, axis);
    const last = centroid(matrix, rowOf(high, channel), from, axis);
    if (first === null || last === null) continue;
    const slope = (last - first) / (high - low);
    if (slope < 0.2) return null;
    return slope >= 0.75 ? Math.round(slope) : 1 / Math.round(1 / slope);
  }
  return null;
}

/** Mean coordinate along `axis` of the columns of a row. */
function centroid(
  matrix: SparseMatrix,
  row: number,
  spatial: readonly number[],
  axis: number,
): number | null {
  const start = matrix.rowStart[row]!;
  const end = matrix.rowStart[row + 1]!;
  if (start === end) return null;
  let below = 1;
  for (let d = axis + 1; d < spatial.length; d++) below *= spatial[d]!;
  let sum = 0;
  for (let k = start; k < end; k++) sum += Math.floor(matrix.columns[k]! / below) % spatial[axis]!;
  return sum / (end - start);
}
