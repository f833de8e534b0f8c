/** Describes ReduceMean and ReduceSum. */
import type { Shape } from '../ir/tensor-graph.ts';
import type { SparseMatrix } from '../linear/sparse-matrix.ts';
import type { NodeView } from './node-view.ts';
import type { Operator } from './operator.ts';
import { specUrl } from './operator.ts';
import { sizeOf, stridedIndices, stridesOf } from './shapes.ts';

/** Sums (or averages) over `axes`, one row per remaining index. */
export function reduceMatrix(shape: Shape, axes: readonly number[], mean: boolean): SparseMatrix {
  const strides = stridesOf(shape);
  const ordered = [...axes].sort((a, b) => a - b);
  const pick = (kept: boolean): [number[], number[]] => {
    const chosen = shape.flatMap((_, axis) => (ordered.includes(axis) === kept ? [] : [axis]));
    return [chosen.map((axis) => shape[axis]!), chosen.map((axis) => strides[axis]!)];
  };
  const starts = stridedIndices(...pick(true));
  const offsets = stridedIndices(...pick(false));
  const columns = new Int32Array(starts.length * offsets.length);
  const rowStart = new Int32Array(starts.length + 1);
  for (let row = 0; row < starts.length; row++) {
    for (let k = 0; k < offsets.length; k++) columns[row * offsets.length + k] = starts[row]! + offsets[k]!;
    rowStart[row + 1] = (row + 1) * offsets.length;
  }
  const values = new Float64Array(columns.length).fill(mean ? 1 / offsets.length : 1);
  return { rows: starts.length, cols: sizeOf(shape), rowStart, columns, values };
}

function reducedAxes(view: NodeView): number[] {
  const rank = view.shape(0).length;
  const given = view.integers(1) ?? [];
  if (given.length > 0) return view.axes(given, rank);
  return view.number('noop_with_empty_axes') === 1 ? [] : Array.from({ length: rank }, (_, axis) => axis);
}

/** `axesAsInput`: the version in which the axes became an input. */
export function reduction(
  name: string,
  since: readonly number[],
  axesAsInput: number,
  mean: boolean,
): Operator {
  return {
    name,
    specUrl: specUrl(name),
    since,
    summary: `${mean ? 'mean' : 'sum'} over any axes, with or without keepdims`,
    limits: 'the axes must be constant',
    category: 'linear',
    inputs: [1, 2],
    attributes: {
      keepdims: { kind: 'int', default: 1 },
      noop_with_empty_axes: { kind: 'int', default: 0 },
    },
    parameters: [1],
    upgrade: (node) => {
      if (node.opset < axesAsInput) node.integersToInput('axes', 1);
    },
    inferShapes: (view) => {
      const axes = reducedAxes(view);
      const keep = view.number('keepdims') !== 0;
      return [view.shape(0).flatMap((dim, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [dim]))];
    },
    behaviour: (view) => ({
      kind: 'linear',
      perElement: sizeOf(view.shape(0)) / Math.max(1, sizeOf(view.outputShape(0))),
      linear: () => ({
        terms: [{ input: 0, matrix: reduceMatrix(view.shape(0), reducedAxes(view), mean) }],
        bias: null,
      }),
    }),
    keepsBatch: (view) => !reducedAxes(view).includes(0),
  };
}
