/** Matrices of convolutions, poolings and dense layers with pseudo-random weights, and small graphs of them. */
import type { GraphNode, LinearGraph } from '../../ir/linear-graph.ts';
import { SparseMatrixBuilder, type SparseMatrix } from '../sparse-matrix.ts';

/** Deterministic numbers in (−1, 1), never zero (xorshift32). */
export function weights(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) ^ 0x3c6ef35f;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state | 1) >> 0) / 2 ** 31;
  };
}

export interface ConvolutionShape {
  readonly channels: number;
  readonly outputs: number;
  /** Input extents; any spatial rank. */
  readonly spatial: readonly number[];
  readonly kernel: number;
  readonly stride?: number;
  readonly pad?: number;
  /** Each output channel reads only its own input channel. */
  readonly depthwise?: boolean;
}

export function outputExtents({ spatial, kernel, stride = 1, pad = 0 }: ConvolutionShape): number[] {
  return spatial.map((extent) => Math.floor((extent + 2 * pad - kernel) / stride) + 1);
}

export function convolution(shape: ConvolutionShape, next = weights(1)): SparseMatrix {
  const { channels, outputs, spatial, kernel, stride = 1, pad = 0, depthwise = false } = shape;
  const extents = outputExtents(shape);
  const volume = (values: readonly number[]): number => values.reduce((a, b) => a * b, 1);
  const taps = kernel ** spatial.length;
  const filters = Float64Array.from({ length: outputs * channels * taps }, next);
  const builder = new SparseMatrixBuilder(outputs * volume(extents), channels * volume(spatial));
  const digits = (index: number, radices: readonly number[]): number[] => {
    const result = radices.map(() => 0);
    let rest = index;
    for (let axis = radices.length - 1; axis >= 0; axis--) {
      result[axis] = rest % radices[axis]!;
      rest = Math.floor(rest / radices[axis]!);
    }
    return result;
  };
  const kernels = spatial.map(() => kernel);
  for (let o = 0; o < outputs; o++) {
    for (let e = 0; e < volume(extents); e++) {
      const at = digits(e, extents);
      for (let c = 0; c < channels; c++) {
        if (depthwise && c !== o) continue;
        for (let tap = 0; tap < taps; tap++) {
          const offset = digits(tap, kernels);
          let column = c;
          let inside = true;
          for (let axis = 0; axis < spatial.length; axis++) {
            const x = at[axis]! * stride - pad + offset[axis]!;
            inside &&= x >= 0 && x < spatial[axis]!;
            column = column * spatial[axis]! + x;
          }
          if (inside) builder.add(column, filters[(o * channels + c) * taps + tap]!);
        }
      }
      builder.endRow();
    }
  }
  return builder.build();
}

export function averagePool(channels: number, spatial: readonly number[], size: number): SparseMatrix {
  const shape = { channels, outputs: channels, spatial, kernel: size, stride: size, depthwise: true };
  return convolution(shape, () => 1 / size ** spatial.length);
}

export function dense(rows: number, cols: number, next = weights(2)): SparseMatrix {
  const builder = new SparseMatrixBuilder(rows, cols);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) builder.add(c, next());
    builder.endRow();
  }
  return builder.build();
}

type Draft =
  | { readonly shape: readonly number[]; readonly matrix: SparseMatrix; readonly source?: number }
  | { readonly shape: readonly number[]; readonly terms: readonly (readonly [number, SparseMatrix])[] }
  | { readonly degree: number };

/** A graph with one input of the shape given, then the nodes in order; a node reads the one before it by default. */
export function graphOf(input: readonly number[], drafts: readonly Draft[], outputs?: number[]): LinearGraph {
  const nodes: GraphNode[] = [{ kind: 'input', name: 'x', layer: 'x', id: 0, shape: input, bound: 1 }];
  for (const draft of drafts) {
    const id = nodes.length;
    const base = { id, layer: `layer${id}`, bound: 1 };
    if ('degree' in draft) {
      const { shape } = nodes[id - 1]!;
      const coefficients = Array.from({ length: draft.degree }, (_, k) => Float64Array.of(0.3 / (k + 1)));
      const { degree } = draft;
      nodes.push({
        ...base,
        kind: 'polynomial',
        shape,
        source: id - 1,
        degree,
        unitLeading: true,
        coefficients,
      });
      continue;
    }
    const terms =
      'terms' in draft
        ? draft.terms.map(([source, matrix]) => ({ source, matrix }))
        : [{ source: draft.source ?? id - 1, matrix: draft.matrix }];
    const bias = Float64Array.from({ length: terms[0]!.matrix.rows }, weights(id));
    nodes.push({ ...base, kind: 'linear', shape: draft.shape, terms, bias });
  }
  const ids = outputs ?? [nodes.length - 1];
  return { name: 'test', nodes, outputs: ids.map((node) => ({ name: `y${node}`, node })) };
}
