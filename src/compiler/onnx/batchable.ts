/** Whether the first axis of every tensor is a pure batch axis, so that a graph can be run on many inputs at once. */
import type { TensorGraph } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import { viewOf } from './node-view.ts';
import { operatorOf } from './operators.ts';

export function isBatchable(graph: TensorGraph): boolean {
  const sizes = graph.inputs.map((input) => shapeOf(graph, input)[0]);
  const [batch] = sizes;
  if (batch === undefined || sizes.some((size) => size !== batch)) return false;
  return graph.nodes.every((node) => {
    const operator = operatorOf(node.op);
    const view = viewOf(graph, node, operator);
    const tensors = [...view.encryptedInputs().map((index) => node.inputs[index]!), ...node.outputs];
    if (tensors.some((tensor) => tensor !== '' && shapeOf(graph, tensor)[0] !== batch)) return false;
    return operator.keepsBatch?.(view) ?? true;
  });
}
