/**
 * Evaluates nodes whose inputs are all constant, removes Identity, Dropout and floating-point casts, and drops whatever
 * no output depends on.
 */
import type { ConstantTensor, TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { evaluateNode, isEvaluable } from '../onnx/evaluate-node.ts';
import { NodeView } from '../onnx/node-view.ts';
import { operatorOf } from '../onnx/operators.ts';

const TRANSPARENT: ReadonlySet<string> = new Set(['Identity', 'Dropout', 'Cast']);

export function foldConstants(graph: TensorGraph): TensorGraph {
  return dropUnused(dropIdentities(evaluateConstants(graph)));
}

function evaluateConstants(graph: TensorGraph): TensorGraph {
  const constants = new Map<string, ConstantTensor>(graph.constants);
  const outputs = new Set(graph.outputs);
  const nodes = graph.nodes.filter((node) => {
    const view = new NodeView(node, operatorOf(node.op), graph.shapes, constants);
    if (!isEvaluable(view) || node.outputs.some((output) => outputs.has(output))) return true;
    for (const [index, value] of evaluateNode(view).entries()) {
      const output = node.outputs[index] ?? '';
      if (output !== '') constants.set(output, value);
    }
    return false;
  });
  return { ...graph, nodes, constants };
}

/** An identity before an output hands the output's name to the node that makes the tensor. */
function dropIdentities(graph: TensorGraph): TensorGraph {
  const outputs = new Set(graph.outputs);
  const isIdentity = (node: TensorNode): boolean =>
    TRANSPARENT.has(node.op) && !graph.constants.has(node.inputs[0]!);
  const alias = new Map<string, string>();
  const resolve = (tensor: string): string => alias.get(tensor) ?? tensor;
  for (const node of graph.nodes) {
    if (isIdentity(node) && !outputs.has(node.outputs[0]!))
      alias.set(node.outputs[0]!, resolve(node.inputs[0]!));
  }
  const rename = new Map<string, string>();
  const made = new Set(graph.nodes.filter((node) => !isIdentity(node)).flatMap((node) => node.outputs));
  for (const node of graph.nodes) {
    const [output] = node.outputs;
    const source = resolve(node.inputs[0] ?? '');
    if (!isIdentity(node) || !outputs.has(output!) || outputs.has(source) || !made.has(source)) continue;
    if (!rename.has(source)) rename.set(source, output!);
  }
  const final = (tensor: string): string => rename.get(resolve(tensor)) ?? resolve(tensor);
  const nodes = graph.nodes
    .filter((node) => {
      if (!isIdentity(node)) return true;
      const [output] = node.outputs;
      return outputs.has(output!) && rename.get(resolve(node.inputs[0]!)) !== output;
    })
    .map((node) => ({ ...node, inputs: node.inputs.map(final), outputs: node.outputs.map(final) }));
  return { ...graph, nodes };
}

function dropUnused(graph: TensorGraph): TensorGraph {
  const needed = new Set(graph.outputs);
  const nodes: TensorNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    for (const input of node.inputs) needed.add(input);
    nodes.push(node);
  }
  nodes.reverse();
  const known = new Set([...needed, ...graph.inputs, ...nodes.flatMap((node) => node.outputs)]);
  return {
    ...graph,
    nodes,
    constants: new Map([...graph.constants].filter(([name]) => needed.has(name))),
    shapes: new Map([...graph.shapes].filter(([name]) => known.has(name))),
  };
}
