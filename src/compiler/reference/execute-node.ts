/** Executes one node of a graph on a batch of samples. */
import type { TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import { elementsOf, OnnxRunner, singleNodeGraph } from './onnx-runner.ts';
import { polynomialAttributes } from '../onnx/ops/polynomial.ts';
import { evaluatePolynomial } from './polynomial-node.ts';

/** Values of tensors by name, each [samples × elements]. */
export type TensorValues = ReadonlyMap<string, Float32Array>;

/**
 * @param graph provides shapes and constants; `node` need not be part of it
 * @returns the node's outputs, in the order of its (present) outputs
 */
export async function executeNode(
  graph: TensorGraph,
  node: TensorNode,
  values: TensorValues,
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  if (node.op === 'Polynomial') {
    const input = node.inputs[0]!;
    return [evaluatePolynomial(polynomialAttributes(node), shapeOf(graph, input), values.get(input)!)];
  }
  const single = singleNodeGraph(graph, node);
  const inputs = single.inputs.map((name) => values.get(name)!);
  const samples = inputs[0]!.length / elementsOf(graph, single.inputs[0]!);
  await using runner = await OnnxRunner.open(single);
  // `await`: the runner must outlive the run.
  return await runner.run(inputs, samples, undefined, signal);
}
