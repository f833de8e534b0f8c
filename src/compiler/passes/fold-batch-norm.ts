/**
 * Folds BatchNormalization into the weights of the Conv, ConvTranspose or Gemm before it, if nothing else reads what is
 * in between. Otherwise it stays: it is linear anyway.
 */
import type { ConstantTensor, TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { indexGraph } from '../onnx/graph-index.ts';
import { viewOf } from '../onnx/node-view.ts';
import { operatorOf } from '../onnx/operators.ts';
import { batchNormAffine } from '../onnx/ops/batch-normalization.ts';

export function foldBatchNorm(graph: TensorGraph): TensorGraph {
  const index = indexGraph(graph);
  const constants = new Map(graph.constants);
  const shapes = new Map(graph.shapes);
  const replaced = new Map<TensorNode, TensorNode | null>();
  for (const norm of graph.nodes) {
    if (norm.op !== 'BatchNormalization') continue;
    const [input] = norm.inputs;
    const layer = graph.nodes[index.makers.get(input!) ?? -1];
    if (layer === undefined || index.users.get(input!)!.length !== 1 || index.outputs.has(input!)) continue;
    const affine = batchNormAffine(viewOf(graph, norm, operatorOf(norm.op)));
    const folded = foldInto(graph, layer, affine.factor, affine.offset);
    if (folded === null) continue;
    const weightName = `${layer.inputs[1]}_${norm.name}`;
    const biasName = `${norm.name}_bias`;
    for (const [name, value] of [
      [weightName, folded.weights],
      [biasName, folded.bias],
    ] as const) {
      constants.set(name, value);
      shapes.set(name, value.shape);
    }
    replaced.set(layer, null);
    replaced.set(norm, {
      name: `${layer.name}+${norm.name}`,
      op: layer.op,
      inputs: [layer.inputs[0]!, weightName, biasName],
      outputs: norm.outputs,
      attributes: folded.attributes,
    });
  }
  const nodes = graph.nodes.flatMap((node) => {
    const replacement = replaced.get(node);
    return replacement === undefined ? [node] : replacement === null ? [] : [replacement];
  });
  const used = new Set([...nodes.flatMap((node) => [...node.inputs, ...node.outputs]), ...graph.inputs]);
  return {
    ...graph,
    nodes,
    constants: new Map([...constants].filter(([name]) => used.has(name))),
    shapes: new Map([...shapes].filter(([name]) => used.has(name))),
  };
}

interface Folded {
  readonly weights: ConstantTensor;
  readonly bias: ConstantTensor;
  readonly attributes: TensorNode['attributes'];
}

function foldInto(
  graph: TensorGraph,
  layer: TensorNode,
  factor: Float64Array,
  offset: Float64Array,
): Folded | null {
  const weights = graph.constants.get(layer.inputs[1] ?? '');
  const oldBias =
    layer.inputs[2] === undefined || layer.inputs[2] === '' ? null : graph.constants.get(layer.inputs[2]);
  if (weights === undefined || oldBias === undefined) return null;
  const view = viewOf(graph, layer, operatorOf(layer.op));
  const channels = factor.length;
  /** Output channel that weight `element` belongs to. */
  let channelOf: (element: number) => number;
  let attributes = layer.attributes;
  let biasFactor = 1;
  switch (layer.op) {
    case 'Conv': {
      const perChannel = weights.data.length / channels;
      channelOf = (element) => Math.floor(element / perChannel);
      break;
    }
    case 'ConvTranspose': {
      const [inChannels, outPerGroup] = weights.shape as [number, number];
      const kernel = weights.data.length / (inChannels * outPerGroup);
      const inPerGroup = inChannels / view.number('group');
      channelOf = (element) => {
        const input = Math.floor(element / (kernel * outPerGroup));
        return Math.floor(input / inPerGroup) * outPerGroup + (Math.floor(element / kernel) % outPerGroup);
      };
      break;
    }
    case 'Gemm': {
      const transposed = view.number('transB') !== 0;
      const [, inner] = weights.shape as [number, number];
      channelOf = (element) => (transposed ? Math.floor(element / inner) : element % inner);
      // beta goes into the bias, which becomes one value per channel.
      biasFactor = view.number('beta');
      if (
        oldBias !== null &&
        oldBias.data.length > 1 &&
        (oldBias.shape.at(-1) !== channels || oldBias.data.length !== channels)
      ) {
        return null;
      }
      attributes = { ...layer.attributes, beta: 1 };
      break;
    }
    default:
      return null;
  }
  const bias = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    const before = oldBias === null ? 0 : biasFactor * oldBias.data[oldBias.data.length === 1 ? 0 : c]!;
    bias[c] = before * factor[c]! + offset[c]!;
  }
  return {
    weights: { ...weights, data: weights.data.map((value, element) => value * factor[channelOf(element)]!) },
    bias: { shape: [channels], type: 'float', data: bias },
    attributes,
  };
}
