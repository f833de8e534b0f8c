/**
 * Recognises functions of one variable that exporters take apart: x·Sigmoid(x), x·Clip(x + 3, 0, 6)/6, GELU from Erf …
 * become one "Elementwise" node; x·x, Pow and whole Chebyshev recurrences become one exact "Polynomial" node.
 *
 * Shifts and scalings alone stay linear.
 */
import type { AttributeValue, PolynomialAttributes, TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { behaviourOf } from '../onnx/classify.ts';
import type { ElementwiseStep } from '../onnx/elementwise-chain.ts';
import { formatChain } from '../onnx/elementwise-chain.ts';
import { indexGraph } from '../onnx/graph-index.ts';
import { isAffineNode, isPolynomialNode, polynomialOfRegion } from '../onnx/polynomial-region.ts';
import type { Region } from '../onnx/region.ts';
import { keepsShape, regionsEndingIn, replaceRegions } from '../onnx/region.ts';
import { sameShape } from '../onnx/shapes.ts';
import { shapeOf } from '../ir/tensor-graph.ts';

export function recogniseActivations(graph: TensorGraph): TensorGraph {
  return expandProducts(recognisePolynomials(recogniseChains(graph)));
}

type Recogniser = (end: TensorNode) => { readonly region: Region; readonly node: TensorNode } | null;

/** Goes through the possible ends from last to first; nodes of a recognised region are not looked at again. */
function replaceAll(graph: TensorGraph, recognise: Recogniser): TensorGraph {
  const replacements = new Map<TensorNode, TensorNode | null>();
  for (const end of graph.nodes.toReversed()) {
    if (replacements.has(end)) continue;
    const found = recognise(end);
    if (found === null || found.region.nodes.some((node) => replacements.has(node))) continue;
    for (const node of found.region.nodes) replacements.set(node, null);
    replacements.set(end, found.node);
  }
  return replacements.size === 0 ? graph : replaceRegions(graph, replacements);
}

/** Nodes with single-number constants that are activations or arithmetic. */
function isScalarNode(graph: TensorGraph, node: TensorNode): boolean {
  if (!keepsShape(graph, node) || node.op === 'Polynomial' || node.op === 'Elementwise') return false;
  // Approximated by itself: a chain with a jump in it has no polynomial.
  if (node.op === 'Sign') return false;
  if (node.inputs.some((input) => (graph.constants.get(input)?.data.length ?? 1) !== 1)) return false;
  return isPolynomialNode(graph, node) || behaviourOf(graph, node).kind === 'activation';
}

function recogniseChains(graph: TensorGraph): TensorGraph {
  const index = indexGraph(graph);
  const bends = (region: Region): number => region.nodes.filter((node) => !isAffineNode(graph, node)).length;
  return replaceAll(graph, (end) => {
    const regions = regionsEndingIn(graph, index, end, (node) => isScalarNode(graph, node));
    const most = Math.max(0, ...regions.map(bends));
    // The smallest region with all of the bends: shifts and scalings before it stay linear.
    const region = regions.find((candidate) => bends(candidate) === most);
    if (region === undefined || most < 2 || region.nodes.every((node) => isPolynomialNode(graph, node)))
      return null;
    return { region, node: chainNode(graph, region) };
  });
}

function chainNode(graph: TensorGraph, region: Region): TensorNode {
  const names = new Map([[region.source, 'x']]);
  const steps = region.nodes.map((node, position): ElementwiseStep => {
    const inputs = node.inputs.map((input) => {
      const constant = graph.constants.get(input);
      return input === '' ? '' : constant === undefined ? names.get(input)! : `=${constant.data[0]}`;
    });
    names.set(node.outputs[0]!, `#${position}`);
    return { op: node.op, inputs, attributes: node.attributes };
  });
  return regionNode(region, 'Elementwise', { chain: formatChain(steps) });
}

function recognisePolynomials(graph: TensorGraph): TensorGraph {
  const index = indexGraph(graph);
  return replaceAll(graph, (end) => {
    const regions = regionsEndingIn(graph, index, end, (node) => isPolynomialNode(graph, node));
    for (const region of regions.toReversed()) {
      const polynomial = polynomialOfRegion(graph, region);
      if (polynomial !== null) return { region, node: polynomialNode(region, polynomial) };
    }
    return null;
  });
}

function polynomialNode(region: Region, polynomial: PolynomialAttributes): TensorNode {
  return regionNode(region, 'Polynomial', { ...polynomial });
}

function regionNode(region: Region, op: string, attributes: Record<string, AttributeValue>): TensorNode {
  return {
    name: region.nodes.at(-1)!.name,
    op,
    inputs: [region.source],
    outputs: [region.output],
    attributes,
  };
}

/** Products of encrypted tensors of different shapes get an Expand (linear), so that both sides have the output's shape. */
function expandProducts(graph: TensorGraph): TensorGraph {
  const shapes = new Map(graph.shapes);
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.flatMap((node) => {
    if (behaviourOf(graph, node).kind !== 'product') return [node];
    const shape = shapeOf(graph, node.outputs[0]!);
    const expansions: TensorNode[] = [];
    const inputs = node.inputs.map((input, side) => {
      if (sameShape(shapeOf(graph, input), shape)) return input;
      const [expanded, target] = [`${node.name}_operand${side}`, `${node.name}_shape${side}`];
      shapes.set(expanded, shape);
      shapes.set(target, [shape.length]);
      // A leading 1 leaves the batch axis as it is.
      const dims = shapeOf(graph, input).length === shape.length ? [1, ...shape.slice(1)] : shape;
      constants.set(target, { shape: [shape.length], type: 'int', data: Float64Array.from(dims) });
      expansions.push({
        name: expanded,
        op: 'Expand',
        inputs: [input, target],
        outputs: [expanded],
        attributes: {},
      });
      return expanded;
    });
    return [...expansions, { ...node, inputs }];
  });
  return { ...graph, nodes, shapes, constants };
}
