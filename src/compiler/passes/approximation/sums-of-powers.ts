/** What high powers of a polynomial's arguments t = (x − center) / halfWidth add up to in calibration. */
import type { Shape, TensorGraph, TensorNode } from '../../ir/tensor-graph.ts';
import { shapeOf } from '../../ir/tensor-graph.ts';
import { polynomialAttributes } from '../../onnx/ops/polynomial.ts';
import type { Progress } from '../../options.ts';
import { throwIfCancelled } from '../../reference/cancellation.ts';
import { elementsOf, OnnxRunner } from '../../reference/onnx-runner.ts';
import { channelLayout } from '../../reference/polynomial-node.ts';
import type { CalibrationBatch } from './calibration-batch.ts';

/** Samples that are looked at together. */
const AT_ONCE = 256;

/**
 * Of each polynomial, the largest sum of a power of its arguments over those samples all of whose values are within its range.
 * @param graph in which they stand
 * @param powerOf even, for each of them
 * @throws CompileError REFERENCE_FAILED; BackendError CANCELLED
 */
export async function largestSums(
  graph: TensorGraph,
  polynomials: readonly TensorNode[],
  powerOf: (node: TensorNode) => number,
  { inputs, samples }: Pick<CalibrationBatch, 'inputs' | 'samples'>,
  progress: Progress,
): Promise<number[]> {
  const cut = upTo(graph, [...new Set(polynomials.map((node) => node.inputs[0]!))]);
  await using runner = await OnnxRunner.open(cut);
  const largest = polynomials.map(() => 0);
  for (let start = 0; start < samples; start += AT_ONCE) {
    throwIfCancelled(progress.signal);
    progress.report('guard-ranges', start / samples);
    const count = Math.min(AT_ONCE, samples - start);
    const part = cut.inputs.map((name) => {
      const size = elementsOf(graph, name);
      return inputs.get(name)!.subarray(start * size, (start + count) * size);
    });
    const results = await runner.run(part, count, undefined, progress.signal);
    for (const [index, node] of polynomials.entries()) {
      const tensor = node.inputs[0]!;
      const sums = sumsWithin(
        node,
        powerOf(node),
        shapeOf(graph, tensor),
        results[cut.outputs.indexOf(tensor)]!,
        count,
      );
      largest[index] = sums.reduce((most, sum) => (sum > most ? sum : most), largest[index]!);
    }
  }
  return largest;
}

/** Sum of t to the power, of every sample within the range; NaN of the others. */
function sumsWithin(
  node: TensorNode,
  power: number,
  shape: Shape,
  values: Float32Array,
  samples: number,
): Float64Array {
  const { axis, center, halfWidth } = polynomialAttributes(node);
  const { channels, inner } = channelLayout(shape, axis);
  const size = values.length / samples;
  const of = (list: readonly number[], channel: number): number => list[list.length === 1 ? 0 : channel]!;
  return Float64Array.from({ length: samples }, (_, sample) => {
    let sum = 0;
    for (let start = sample * size, block = 0; start < (sample + 1) * size; start += inner, block++) {
      const [middle, width] = [of(center, block % channels), of(halfWidth, block % channels)];
      for (let i = start; i < start + inner; i++) {
        const t = (values[i]! - middle) / width;
        if (!(Math.abs(t) <= 1)) return NaN;
        sum += t ** power;
      }
    }
    return sum;
  });
}

/** The part of the graph that makes these tensors. */
function upTo(graph: TensorGraph, tensors: readonly string[]): TensorGraph {
  const needed = new Set(tensors);
  const nodes: TensorNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    nodes.unshift(node);
    for (const input of node.inputs) needed.add(input);
  }
  const constants = new Map([...graph.constants].filter(([name]) => needed.has(name)));
  const used = graph.inputs.filter((name) => needed.has(name));
  return {
    ...graph,
    inputs: used,
    outputs: tensors,
    nodes,
    constants,
    clientOperators: tensors.map(() => []),
  };
}
