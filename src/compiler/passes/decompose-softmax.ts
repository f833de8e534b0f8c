/**
 * Softmax and LogSoftmax that no client can apply, because layers follow: e^x · 1/Σ e^x, both functions approximated on their
 * calibrated ranges. Nothing is subtracted before: the range of e^x is that of the exponent, so that inputs which spread
 * over more than about ten make the sum span more than polynomials follow.
 */
import type { ConstantTensor, Shape, TensorGraph } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import { viewOf } from '../onnx/node-view.ts';
import { operatorOf } from '../onnx/operators.ts';
import { FragmentBuilder } from './approximation/graph-fragment.ts';

const SOFTMAX: ReadonlySet<string> = new Set(['Softmax', 'LogSoftmax']);

export function decomposeSoftmax(graph: TensorGraph): TensorGraph {
  if (!graph.nodes.some(({ op }) => SOFTMAX.has(op))) return graph;
  const constants = new Map<string, ConstantTensor>(graph.constants);
  const shapes = new Map<string, Shape>(graph.shapes);
  const warnings = [...graph.warnings];
  const nodes = graph.nodes.flatMap((node) => {
    if (!SOFTMAX.has(node.op)) return [node];
    const [input, output] = [node.inputs[0]!, node.outputs[0]!];
    const shape = shapeOf(graph, input);
    const view = viewOf(graph, node, operatorOf(node.op));
    const axis = view.axis(view.number('axis'), shape.length);
    const builder = new FragmentBuilder(graph, node.name);
    const powers = builder.node('Exp', [input], shape);
    const reduced = shape.map((size, i) => (i === axis ? 1 : size));
    const axes = builder.constant('axes', [axis], [1], 'int');
    const sum = builder.node('ReduceSum', [powers, axes], reduced, { keepdims: 1 });
    if (node.op === 'Softmax') {
      builder.node('Mul', [powers, builder.node('Reciprocal', [sum], reduced)], shape, {}, output);
    } else {
      builder.node('Sub', [input, builder.node('Log', [sum], reduced)], shape, {}, output);
    }
    for (const [name, constant] of builder.constants) constants.set(name, constant);
    for (const [name, value] of builder.constants) shapes.set(name, value.shape);
    for (const [name, own] of builder.shapes) shapes.set(name, own);
    warnings.push(
      `${node.op} '${node.name}' stands before other layers: it is approximated, exponential and inverse on their calibrated ranges`,
    );
    return builder.nodes;
  });
  return { ...graph, nodes, constants, shapes, warnings };
}
