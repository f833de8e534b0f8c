/**
 * The structure of the linear graph without its matrices, which take most of lowering: each tensor stands as two numbers, and a
 * map of them is an identity, a diagonal, a permutation or dense as the real one is. What depth follows from is all there;
 * entries mean nothing.
 */
import { InternalError } from '../../errors.ts';
import { elementCount } from '../../program/layout.ts';
import { boundFor } from '../analysis/bounds.ts';
import { LinearGraphBuilder, type NodeDraft } from '../ir/linear-graph-builder.ts';
import type { LinearGraph, NodeId } from '../ir/linear-graph.ts';
import type { TensorRange } from '../ir/polynomial-graph.ts';
import type { TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import { diagonal, identity, SparseMatrixBuilder, type SparseMatrix } from '../linear/sparse-matrix.ts';
import { classify } from '../onnx/classify.ts';
import { linearForm } from '../onnx/linear-form.ts';
import { polynomialAttributes } from '../onnx/ops/polynomial.ts';
import { encryptedInputs } from '../reference/onnx-runner.ts';

/** @param ranges of the outputs: room is kept for them in the modulus; what has none is taken to stay within 1 */
export function sketchLinear(
  graph: TensorGraph,
  ranges: ReadonlyMap<string, Pick<TensorRange, 'min' | 'max'>>,
): LinearGraph {
  const builder = new LinearGraphBuilder();
  const nodeOf = new Map<string, NodeId>();
  const boundOf = (tensor: string): number => {
    const range = ranges.get(tensor);
    return range === undefined ? 1 : boundFor(Math.max(Math.abs(range.min), Math.abs(range.max)));
  };
  const source = (tensor: string): NodeId => {
    const id = nodeOf.get(tensor);
    if (id === undefined) throw new InternalError(`'${tensor}' is not an encrypted tensor`);
    return id;
  };
  const shape = [SIZE];
  const map = ({ name: layer }: TensorNode, { terms, bias }: Sketch, bound = 1): NodeId => {
    const drawn = terms.map(({ input, matrix }) => ({ source: source(input), matrix }));
    return builder.add({ kind: 'linear', terms: drawn, bias, layer, bound, shape });
  };
  const define = (node: TensorNode, tensor: string, draft: Computation): void => {
    nodeOf.set(tensor, builder.add({ ...draft, layer: node.name, bound: boundOf(tensor), shape }));
  };
  /** An operand that is repeated to the size of the result takes a linear map for it. */
  const operand = (node: TensorNode, tensor: string): NodeId => {
    const repeated = elementCount(shapeOf(graph, tensor)) !== elementCount(shapeOf(graph, node.outputs[0]!));
    return repeated ? map(node, { terms: [{ input: tensor, matrix: DENSE }], bias: null }) : source(tensor);
  };

  for (const name of graph.inputs) {
    nodeOf.set(name, builder.add({ kind: 'input', name, layer: name, bound: boundOf(name), shape }));
  }
  for (const node of graph.nodes) {
    const kind = classify(graph, node);
    if (kind === 'linear') {
      for (const [index, tensor] of node.outputs.entries()) {
        if (tensor !== '') nodeOf.set(tensor, map(node, sketch(graph, node, index), boundOf(tensor)));
      }
    } else if (kind === 'polynomial') {
      const { degree, center, halfWidth, coefficients, ratio } = polynomialAttributes(node);
      const centred = center.every((value) => value === 0);
      const normalised = ratio === undefined && centred && halfWidth.every((value) => value === 1);
      const [input] = node.inputs;
      const into = { terms: [{ input: input!, matrix: DIAGONAL }], bias: centred ? null : BIAS };
      const argument = normalised ? source(input!) : map(node, into);
      define(node, node.outputs[0]!, {
        kind: 'polynomial',
        source:
          ratio === undefined
            ? argument
            : builder.add({ kind: 'refresh', source: argument, ratio, layer: node.name, bound: 1, shape }),
        degree,
        unitLeading: false,
        coefficients: largestCoefficients(coefficients, degree),
      });
    } else if (kind === 'product') {
      const [left, right] = [operand(node, node.inputs[0]!), operand(node, node.inputs[1]!)];
      define(
        node,
        node.outputs[0]!,
        node.inputs[0] === node.inputs[1]
          ? { kind: 'polynomial', source: left, degree: 2, unitLeading: false, coefficients: SQUARE }
          : { kind: 'product', left, right },
      );
    } else throw new InternalError(`${kind} '${node.name}' has no approximation yet`, { node: node.name });
  }
  return builder.build(
    graph.name,
    graph.outputs.map((name) => ({ name, node: source(name) })),
  );
}

type Computation = NodeDraft extends infer Node
  ? Node extends { kind: 'polynomial' | 'product' }
    ? Omit<Node, 'layer' | 'shape' | 'bound'>
    : never
  : never;

/** Numbers that stand for a tensor: the fewest of which some can be moved and some cannot. */
const SIZE = 2;
const IDENTITY = identity(SIZE);
const DIAGONAL = diagonal(Float64Array.of(0.5, 0.75));
const SWAP = matrixOf([
  [0, 1],
  [1, 0],
]);
const DENSE = matrixOf([
  [0.5, 0.25],
  [0.25, 0.75],
]);
const BIAS = Float64Array.of(0.25, 0.5);
/** x² = (T_0 + T_2) / 2 */
const SQUARE = [0.5, 0, 0.5].map((value) => Float64Array.of(value));

interface Sketch {
  readonly terms: readonly { readonly input: string; readonly matrix: SparseMatrix }[];
  readonly bias: Float64Array | null;
}

/** What has a weight for each pair of elements: dense without a look, which would take most of the time. */
const WEIGHTED = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'Einsum']);

function sketch(graph: TensorGraph, node: TensorNode, output: number): Sketch {
  if (WEIGHTED.has(node.op)) {
    const inputs = [...new Set(encryptedInputs(graph, node))];
    return { terms: inputs.map((input) => ({ input, matrix: DENSE })), bias: null };
  }
  const { terms, bias } = linearForm(graph, node, output);
  return {
    terms: terms.map(({ input, matrix }) => ({ input, matrix: likenessOf(matrix) })),
    bias: bias === null ? null : BIAS,
  };
}

function likenessOf({ rows, cols, columns, rowStart, values }: SparseMatrix): SparseMatrix {
  if (rowStart.some((start, row) => row > 0 && start - rowStart[row - 1]! > 1)) return DENSE;
  const inPlace = rows === cols && columns.length === rows && columns.every((column, row) => column === row);
  if (!inPlace) return SWAP;
  return values.every((value) => value === 1) ? IDENTITY : DIAGONAL;
}

function matrixOf(rows: readonly (readonly number[])[]): SparseMatrix {
  const builder = new SparseMatrixBuilder(rows.length, SIZE);
  for (const row of rows) {
    for (const [column, value] of row.entries()) if (value !== 0) builder.add(column, value);
    builder.endRow();
  }
  return builder.build();
}

/** Of each degree over all channels: a degree counts where any channel has it. */
function largestCoefficients(coefficients: readonly number[], degree: number): Float64Array[] {
  return Array.from({ length: degree + 1 }, (_, k) => {
    let largest = 0;
    for (let i = k; i < coefficients.length; i += degree + 1) {
      if (Math.abs(coefficients[i]!) > Math.abs(largest)) largest = coefficients[i]!;
    }
    return Float64Array.of(largest);
  });
}
