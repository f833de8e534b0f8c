/** Convolutions and matrix products with constant weights, seen as regressions: rows of features → outputs. */
import type { ConstantTensor, TensorGraph, TensorNode } from '../../ir/tensor-graph.ts';
import { shapeOf } from '../../ir/tensor-graph.ts';
import { operatorOf } from '../../onnx/operators.ts';
import { viewOf } from '../../onnx/node-view.ts';
import { windowAxes, windowTaps } from '../../onnx/windows.ts';
import { elementsOf } from '../../reference/onnx-runner.ts';
import type { LinearWeights } from '../../approx/ridge.ts';

/** A node with new weights: the nodes that replace it and their constants. */
export interface Replacement {
  readonly nodes: readonly TensorNode[];
  readonly constants: ReadonlyMap<string, ConstantTensor>;
}

/**
 * `groups` independent regressions of `outputs` values on `features` values each. A row is one output position of one
 * sample; row r belongs to sample ⌊r / rowsPerSample⌋.
 */
export interface LinearLayer {
  readonly input: string;
  readonly groups: number;
  readonly features: number;
  readonly outputs: number;
  readonly rowsPerSample: number;
  /** Weights of each group, [outputs × features]. */
  readonly weights: readonly Float64Array[];
  /** What is added to the outputs, [groups × outputs]. */
  readonly bias: Float64Array;
  /** Writes the features of `row` for `group` to `out` from `offset` on. */
  readFeatures(values: Float32Array, row: number, group: number, out: Float64Array, offset: number): void;
  /** Likewise the outputs, from the node's output tensor. */
  readOutputs(values: Float32Array, row: number, group: number, out: Float64Array, offset: number): void;
  replace(groups: readonly LinearWeights[]): Replacement;
}

/** The layer that a node is, or null if its weights are not constant or its form is another. */
export function linearLayer(graph: TensorGraph, node: TensorNode): LinearLayer | null {
  const [data, weight] = node.inputs;
  if (data === undefined || weight === undefined || graph.constants.has(data)) return null;
  const constant = graph.constants.get(weight);
  if (constant === undefined) return null;
  switch (node.op) {
    case 'Conv':
      return convolution(graph, node, constant, biasOf(graph, node, constant.shape[0]!));
    case 'Gemm':
      return gemm(graph, node, constant);
    case 'MatMul':
      return constant.shape.length === 2 ? matMul(graph, node, constant) : null;
    default:
      return null;
  }
}

/** Zeros where there is none, or where it is none per output (then it is part of no layer that is refitted). */
function biasOf(graph: TensorGraph, node: TensorNode, outputs: number): Float64Array {
  const values = graph.constants.get(node.inputs[2] ?? '')?.data ?? [0];
  const factor = typeof node.attributes['beta'] === 'number' ? node.attributes['beta'] : 1;
  return Float64Array.from({ length: outputs }, (_, o) => factor * values[values.length === 1 ? 0 : o]!);
}

function convolution(
  graph: TensorGraph,
  node: TensorNode,
  weight: ConstantTensor,
  bias: Float64Array,
): LinearLayer {
  const input = node.inputs[0]!;
  const [channelsOut, channelsPerGroup, ...kernel] = weight.shape as [number, number, ...number[]];
  const groups = shapeOf(graph, input)[1]! / channelsPerGroup;
  const taps = kernel.reduce((product, size) => product * size, 1);
  const axes = windowAxes(viewOf(graph, node, operatorOf(node.op)), kernel, false);
  const positions = windowTaps(axes);
  // offsets[p · taps + k]: element of a channel that tap k of position p reads, or −1 for padding.
  const offsets = new Int32Array(positions.length * taps).fill(-1);
  for (const [p, position] of positions.entries()) {
    for (const [i, tap] of position.kernels.entries()) offsets[p * taps + tap] = position.offsets[i]!;
  }
  const features = channelsPerGroup * taps;
  const outputs = channelsOut / groups;
  const rowsPerSample = positions.length;
  const inputSize = elementsOf(graph, input);
  const inner = inputSize / (groups * channelsPerGroup);
  return {
    input,
    groups,
    features,
    outputs,
    rowsPerSample,
    weights: Array.from({ length: groups }, (_, g) =>
      weight.data.slice(g * outputs * features, (g + 1) * outputs * features),
    ),
    bias,
    readFeatures(values, row, group, out, offset) {
      const sample = Math.floor(row / rowsPerSample);
      const first = (row - sample * rowsPerSample) * taps;
      let channelStart = sample * inputSize + group * channelsPerGroup * inner;
      let write = offset;
      for (let c = 0; c < channelsPerGroup; c++, channelStart += inner) {
        for (let k = first; k < first + taps; k++) {
          const at = offsets[k]!;
          out[write++] = at < 0 ? 0 : values[channelStart + at]!;
        }
      }
    },
    readOutputs(values, row, group, out, offset) {
      const sample = Math.floor(row / rowsPerSample);
      const start = (sample * channelsOut + group * outputs) * rowsPerSample + (row - sample * rowsPerSample);
      for (let o = 0; o < outputs; o++) out[offset + o] = values[start + o * rowsPerSample]!;
    },
    replace(solved) {
      const weights = floats(
        weight.shape,
        solved.map((group) => group.weights),
      );
      const solvedBias = floats(
        [channelsOut],
        solved.map((group) => group.bias),
      );
      const names = [`${node.name}/refitted-weights`, `${node.name}/refitted-bias`] as const;
      return {
        nodes: [{ ...node, inputs: [input, ...names] }],
        constants: new Map([
          [names[0], weights],
          [names[1], solvedBias],
        ]),
      };
    },
  };
}

function gemm(graph: TensorGraph, node: TensorNode, weight: ConstantTensor): LinearLayer | null {
  const { alpha = 1, transA = 0, transB = 0 } = node.attributes;
  if (transA !== 0 || typeof alpha !== 'number') return null;
  const matrix = (transB === 0 ? transposed(weight) : weight.data).map((value) => alpha * value);
  const outputs = weight.shape[transB === 0 ? 1 : 0]!;
  const names = [`${node.name}/refitted-weights`, `${node.name}/refitted-bias`] as const;
  return denseLayer(graph, node, matrix, biasOf(graph, node, outputs), ({ weights, bias }) => ({
    nodes: [{ ...node, inputs: [node.inputs[0]!, ...names], attributes: { transB: 1 } }],
    constants: new Map([
      [names[0], floats([outputs, weights.length / outputs], [weights])],
      [names[1], floats([outputs], [bias])],
    ]),
  }));
}

/** A refitted product needs a bias: MatMul is followed by Add. */
function matMul(graph: TensorGraph, node: TensorNode, weight: ConstantTensor): LinearLayer {
  const [features, outputs] = weight.shape as [number, number];
  const names = [`${node.name}/refitted-weights`, `${node.name}/refitted-bias`] as const;
  const product = `${node.outputs[0]!}/product`;
  return denseLayer(graph, node, transposed(weight), new Float64Array(outputs), ({ weights, bias }) => {
    const matrix = floats([features, outputs], [transposed({ shape: [outputs, features], data: weights })]);
    return {
      nodes: [
        { ...node, inputs: [node.inputs[0]!, names[0]], outputs: [product] },
        {
          name: `${node.name}/bias`,
          op: 'Add',
          inputs: [product, names[1]],
          outputs: node.outputs,
          attributes: {},
        },
      ],
      constants: new Map([
        [names[0], matrix],
        [names[1], floats([outputs], [bias])],
      ]),
    };
  });
}

/** Rows are the vectors along the last axis. */
function denseLayer(
  graph: TensorGraph,
  node: TensorNode,
  matrix: Float64Array,
  bias: Float64Array,
  replaceOne: (solved: LinearWeights) => Replacement,
): LinearLayer {
  const input = node.inputs[0]!;
  const outputs = bias.length;
  const features = matrix.length / outputs;
  const copy = (
    values: Float32Array,
    start: number,
    count: number,
    out: Float64Array,
    offset: number,
  ): void => {
    for (let i = 0; i < count; i++) out[offset + i] = values[start + i]!;
  };
  return {
    input,
    groups: 1,
    features,
    outputs,
    rowsPerSample: elementsOf(graph, input) / features,
    weights: [matrix],
    bias,
    readFeatures: (values, row, _group, out, offset) => copy(values, row * features, features, out, offset),
    readOutputs: (values, row, _group, out, offset) => copy(values, row * outputs, outputs, out, offset),
    replace: (solved) => replaceOne(solved[0]!),
  };
}

function transposed({ shape, data }: Pick<ConstantTensor, 'shape' | 'data'>): Float64Array {
  const [rows, cols] = shape as [number, number];
  const result = new Float64Array(data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) result[c * rows + r] = data[r * cols + c]!;
  return result;
}

function floats(shape: readonly number[], parts: readonly Float64Array[]): ConstantTensor {
  const data = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    data.set(part, offset);
    offset += part.length;
  }
  return { shape, type: 'float', data };
}
