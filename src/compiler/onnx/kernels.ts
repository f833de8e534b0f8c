/** Building blocks shared by operator descriptions: selection matrices, broadcasts, constant tensors. */
import type { ConstantTensor, Shape } from '../ir/tensor-graph.ts';
import type { SparseMatrix } from '../linear/sparse-matrix.ts';
import type { NodeView } from './node-view.ts';
import type { LinearDefinition, Movement } from './operator.ts';
import { broadcast, broadcastIndices, sizeOf } from './shapes.ts';

/**
 * Matrix with at most one entry per row: row e reads column `sources[e]` with weight `weights[e]` (one if null); rows
 * with a negative source or a zero weight are empty.
 */
export function selection(
  sources: Int32Array,
  cols: number,
  weights: Float64Array | null = null,
): SparseMatrix {
  const rows = sources.length;
  const rowStart = new Int32Array(rows + 1);
  const columns = new Int32Array(rows);
  const values = new Float64Array(rows);
  let count = 0;
  for (let row = 0; row < rows; row++) {
    const weight = weights === null ? 1 : weights[row]!;
    if (sources[row]! >= 0 && weight !== 0) {
      columns[count] = sources[row]!;
      values[count++] = weight;
    }
    rowStart[row + 1] = count;
  }
  return { rows, cols, rowStart, columns: columns.subarray(0, count), values: values.subarray(0, count) };
}

/** The linear form of a movement: one selection matrix per data input. */
export function movementForm(view: NodeView, movement: Movement): LinearDefinition {
  const { sources, data, fill } = movement;
  let start = 0;
  const terms = data.map((input) => {
    const size = sizeOf(view.shape(input));
    const own = sources.map((source) => (source >= start && source < start + size ? source - start : -1));
    start += size;
    return { input, matrix: selection(own, size) };
  });
  const bias = fill === 0 ? null : Float64Array.from(sources, (source) => (source < 0 ? fill : 0));
  return { terms, bias };
}

/** A movement that keeps the order of the elements of input 0. */
export function unmoved(view: NodeView): Movement {
  return { data: [0], sources: Int32Array.from({ length: sizeOf(view.shape(0)) }, (_, i) => i), fill: 0 };
}

/** Shape of the broadcast of all inputs. */
export function broadcastShape(view: NodeView): Shape {
  const shapes = view.node.inputs.map((_, index) => view.shape(index));
  const shape = broadcast(shapes);
  if (shape === null) {
    view.fail(
      'INVALID_SHAPE',
      `shapes ${shapes.map((s) => `[${s.join(', ')}]`).join(' and ')} do not broadcast`,
    );
  }
  return shape;
}

/** The broadcast of input `index` to the output, times `factor`. */
export function broadcastTerm(
  view: NodeView,
  index: number,
  factor: number,
): LinearDefinition['terms'][number] {
  const from = view.shape(index);
  const sources = broadcastIndices(from, view.outputShape(0));
  const weights = factor === 1 ? null : new Float64Array(sources.length).fill(factor);
  return { input: index, matrix: selection(sources, sizeOf(from), weights) };
}

/** Input `index` times `weights` (one per output element). */
export function weightedTerm(view: NodeView, index: number, weights: Float64Array): LinearDefinition {
  const from = view.shape(index);
  const sources = broadcastIndices(from, view.outputShape(0));
  return { terms: [{ input: index, matrix: selection(sources, sizeOf(from), weights) }], bias: null };
}

/** The constant at input `index` broadcast to the output shape. */
export function broadcastConstant(view: NodeView, index: number): Float64Array {
  const { shape, data } = view.parameter(index);
  return Float64Array.from(broadcastIndices(shape, view.outputShape(0)), (source) => data[source]!);
}

/** Folds `combine` over all inputs, broadcast to the output shape; integers stay integers. */
export function combineConstants(
  view: NodeView,
  combine: (left: number, right: number) => number,
  type?: ConstantTensor['type'],
): ConstantTensor[] {
  const constants = view.node.inputs.map((_, index) => view.parameter(index));
  const shape = broadcastShape(view);
  const resultType = type ?? (constants.every((c) => c.type === 'int') ? 'int' : 'float');
  const parts = constants.map((c) =>
    Float64Array.from(broadcastIndices(c.shape, shape), (source) => c.data[source]!),
  );
  const data = parts.reduce((left, right) => left.map((value, i) => combine(value, right[i]!)));
  return [{ shape, type: resultType, data }];
}

export function mapConstant(constant: ConstantTensor, apply: (x: number) => number): ConstantTensor {
  return { ...constant, data: constant.data.map(apply) };
}

export function integerTensor(values: readonly number[]): ConstantTensor {
  return { shape: [values.length], type: 'int', data: Float64Array.from(values) };
}

/** Broadcasting keeps axis 0 a batch axis if encrypted operands have full rank and constants do not reach it. */
export function broadcastKeepsBatch(view: NodeView): boolean {
  const rank = view.outputShape(0).length;
  return view.node.inputs.every((_, index) => {
    const shape = view.shape(index);
    return view.isEncrypted(index) ? shape.length === rank : shape.length < rank || shape[0] === 1;
  });
}
