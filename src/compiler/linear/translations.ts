/**
 * Maps that do the same at every position of their output: of a convolution, all entries with the same pair of channels and the same
 * tap are translations of one another. Where source and target stand on lattices, they lie on one diagonal, and one of them tells
 * which: a search then looks at as many entries as the map has weights, instead of at all of them at all positions.
 */
import { elementCount, type Layout } from '../../program/layout.ts';
import type { Shape } from '../ir/tensor-graph.ts';
import { spatialOf } from './grid.ts';
import type { SparseMatrix } from './sparse-matrix.ts';

/** Where entries are. */
export type Sparsity = Pick<SparseMatrix, 'rows' | 'cols' | 'rowStart' | 'columns'>;

export interface Translations {
  /** One entry of each set of translations, in rows of the whole matrix. */
  readonly representatives: Sparsity;
  readonly input: readonly number[];
  readonly output: readonly number[];
  /** Input positions per output position, per axis. */
  readonly strides: readonly number[];
}

/** Less is not worth a second look at a matrix. */
const LEAST_GAIN = 4;
/** Marks that may be kept for it. */
const MOST_MARKS = 1 << 24;

/** @returns null where too few entries are translations of others */
export function translationsOf(
  matrix: SparseMatrix,
  inputShape: Shape,
  outputShape: Shape,
  strides: readonly number[] | null,
): Translations | null {
  const [input, output] = [spatialOf(inputShape), spatialOf(outputShape)];
  if (strides === null || !strides.every(Number.isInteger) || elementCount(output) === 1) return null;
  // Differences of positions as one number: in the radix of each axis, all of them differ.
  const reach = input.map((extent, axis) => extent + strides[axis]! * output[axis]!);
  const weights = reach.map((_, axis) => elementCount(reach.slice(axis + 1)));
  const range = elementCount(reach);
  const channels = matrix.cols / elementCount(input);
  if (channels * range > MOST_MARKS) return null;
  const from = linear(input, weights);
  const to = linear(
    output,
    weights.map((weight, axis) => weight * strides[axis]!),
  );
  const furthest = to.at(-1)!;

  const marks = new Int32Array(channels * range);
  const rowStart = new Int32Array(matrix.rows + 1);
  const columns: number[] = [];
  const most = matrix.columns.length / LEAST_GAIN;
  const sourceOf = Int32Array.from(
    { length: matrix.cols },
    (_, column) => Math.floor(column / from.length) * range + from[column % from.length]! + furthest,
  );
  for (let row = 0; row < matrix.rows; row++) {
    const stamp = Math.floor(row / to.length) + 1;
    const moved = to[row % to.length]!;
    for (let k = matrix.rowStart[row]!; k < matrix.rowStart[row + 1]!; k++) {
      const tap = sourceOf[matrix.columns[k]!]! - moved;
      if (marks[tap] === stamp) continue;
      marks[tap] = stamp;
      columns.push(matrix.columns[k]!);
    }
    if (columns.length > most) return null;
    rowStart[row + 1] = columns.length;
  }
  const representatives = {
    rows: matrix.rows,
    cols: matrix.cols,
    rowStart,
    columns: Int32Array.from(columns),
  };
  return { representatives, input, output, strides };
}

/** Whether translations of an entry stay on its diagonal between these layouts. */
export function areKept(
  { input, output, strides }: Translations,
  source: Layout,
  target: Layout,
  stepsOf: (layout: Layout, spatial: readonly number[]) => readonly number[] | null,
): boolean {
  const [from, to] = [stepsOf(source, input), stepsOf(target, output)];
  if (from === null || to === null) return false;
  return output.every(
    (extent, axis) => extent === 1 || (from[axis]! * strides[axis]! - to[axis]!) % source.period === 0,
  );
}

/** Slots from one element to the next along each axis, if they are the same in every channel; else null. */
export function latticeSteps(
  { positions, slotCount }: Layout,
  spatial: readonly number[],
): readonly number[] | null {
  const volume = elementCount(spatial);
  if (volume === 0 || positions.length % volume !== 0) return null;
  const steps = spatial.map((extent, axis) =>
    extent === 1 ? 0 : positions[elementCount(spatial.slice(axis + 1))]! - positions[0]!,
  );
  const inside = linear(spatial, steps);
  for (let first = 0; first < positions.length; first += volume) {
    const base = positions[first]!;
    const ciphertext = Math.floor(base / slotCount);
    for (let e = 0; e < volume; e++) {
      const position = positions[first + e]!;
      if (position - base !== inside[e] || Math.floor(position / slotCount) !== ciphertext) return null;
    }
  }
  return steps;
}

/** Σ coordinate · weight of every position, row-major. */
function linear(spatial: readonly number[], weights: readonly number[]): Int32Array {
  const sums = new Int32Array(elementCount(spatial));
  for (let e = 0; e < sums.length; e++) {
    let rest = e;
    for (let axis = spatial.length - 1; axis >= 0; axis--) {
      sums[e]! += (rest % spatial[axis]!) * weights[axis]!;
      rest = Math.floor(rest / spatial[axis]!);
    }
  }
  return sums;
}
