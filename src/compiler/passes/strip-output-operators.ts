/**
 * Cuts Softmax, LogSoftmax, ArgMax, Hardmax and Sigmoid off the outputs: the client applies them to the decrypted values. An
 * Identity keeps the public name of the output.
 */
import type { ClientOperator } from '../../program/signature.ts';
import type { TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import { viewOf } from '../onnx/node-view.ts';
import { operatorOf } from '../onnx/operators.ts';

function toClientOperator(graph: TensorGraph, node: TensorNode): ClientOperator | null {
  if (node.op === 'Sigmoid') return { op: 'Sigmoid', node: node.name, axis: 0 };
  if (operatorOf(node.op).category !== 'output') return null;
  const behaviour = operatorOf(node.op).behaviour(viewOf(graph, node, operatorOf(node.op)));
  return behaviour.kind === 'client' ? behaviour.operator : null;
}

/** Assumes that each output is made by one node. Outputs that other nodes read as well are left alone. */
export function stripOutputOperators(graph: TensorGraph): TensorGraph {
  const nodes = [...graph.nodes];
  const shapes = new Map(graph.shapes);
  const clientOperators = graph.outputs.map((output, position) => {
    const operators = [...(graph.clientOperators[position] ?? [])];
    for (;;) {
      const index = nodes.findIndex((node) => node.outputs[0] === output);
      const node = nodes[index];
      if (node === undefined || nodes.some((other) => other.inputs.includes(output))) break;
      if (graph.outputs.indexOf(output) !== graph.outputs.lastIndexOf(output)) break;
      const [input] = node.inputs;
      const operator = toClientOperator(graph, node);
      if (operator !== null) {
        operators.unshift(operator);
        shapes.set(output, shapes.get(input!) ?? shapeOf(graph, input!));
        nodes[index] = {
          name: node.name,
          op: 'Identity',
          inputs: [input!],
          outputs: [output],
          attributes: {},
        };
        continue;
      }
      // Look through the identities left behind.
      const maker = node.op === 'Identity' ? nodes.findIndex((other) => other.outputs[0] === input) : -1;
      if (maker < 0 || toClientOperator(graph, nodes[maker]!) === null) break;
      if (
        nodes.some((other) => other !== node && other.inputs.includes(input!)) ||
        graph.outputs.includes(input!)
      )
        break;
      nodes[maker] = { ...nodes[maker]!, outputs: [output] };
      nodes.splice(index, 1);
    }
    return operators;
  });
  return { ...graph, nodes, shapes, clientOperators };
}
