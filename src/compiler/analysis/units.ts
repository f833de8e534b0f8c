/**
 * The unit that each value of a linear graph is computed in: a power of two, chosen so that what slots hold is neither so
 * large that a modulus wraps nor so small that it drowns in noise, whatever the magnitude of inputs, weights and outputs.
 * Linear maps take units in for free, in their entries; so do polynomials, in their coefficients, and inputs and outputs, in
 * what the client packs and unpacks. Products and powers have the units that their operands give them.
 */
import { MOST_SCALED_DEGREE, scaleArgument } from '../approx/scale-argument.ts';
import { sourcesOf } from '../ir/linear-graph.ts';
import type { GraphNode, LinearGraph, NodeId, PolynomialNode } from '../ir/linear-graph.ts';
import { BOUND_MARGIN } from './bounds.ts';

/**
 * Values of up to 2 to this power are left as they are: the modulus has room for them, and what is above 1 is precision.
 * Products add it up, so that their operands have less.
 */
const HEADROOM_BITS = 10;
const OPERAND_HEADROOM_BITS = 2;

/** T_k hold in [−1, 1] only. Arguments whose largest is within 2 to these powers are left as they are: they need no other series. */
const LEAST_ARGUMENT_BITS = -2;
const MOST_ARGUMENT_BITS = 1;

/** log2 of each node's unit; `node.bound` over the unit is what its slots hold. */
export function chooseUnits(graph: LinearGraph): number[] {
  const kept = keptAsTheyAre(graph);
  const factors = factorUnits(graph);
  const outputs = new Set(graph.outputs.map(({ node }) => node));
  const read = new Set(graph.nodes.flatMap((node) => sourcesOf(node)));
  const units: number[] = [];
  for (const node of graph.nodes) {
    const { id } = node;
    if (kept[id]!) units.push(0);
    // T_{d/2}² has no coefficient that could take a unit in.
    else if (node.kind === 'polynomial' && node.unitLeading) units.push(node.degree * units[node.source]!);
    else if (node.kind === 'product') units.push(units[node.left]! + units[node.right]!);
    else if (factors.has(id)) units.push(factors.get(id)!);
    // An input that nothing reads lives where the modulus is that of outputs, with no room kept for it.
    else if (!read.has(id) && !outputs.has(id)) units.push(unitFor(node.bound, 0));
    else if (node.kind === 'polynomial') units.push(seriesUnit(node, units[node.source]!));
    else units.push(unitFor(outputs.has(id) ? reachOf(node, 0) : node.bound, HEADROOM_BITS));
  }
  return units;
}

/**
 * Units that what is multiplied should have, as operands of products and arguments of polynomials: for themselves and, where a
 * constant is added to a result whose unit is theirs, for that. What makes an argument of T_k comes in units that bring it to [−1, 1].
 */
function factorUnits(graph: LinearGraph): Map<NodeId, number> {
  const units = new Map<NodeId, number>();
  const makesArgument = graph.nodes.map(() => false);
  for (const node of graph.nodes.toReversed()) {
    const exact = isSeries(node) || makesArgument[node.id]!;
    for (const source of multipliedBy(node)) {
      if (exact) makesArgument[source] = true;
      const { bound } = graph.nodes[source]!;
      const own = exact ? argumentUnit(bound) : unitFor(bound, OPERAND_HEADROOM_BITS);
      units.set(
        source,
        Math.max(own, resultUnit(node, makesArgument[node.id]!), units.get(source) ?? -Infinity),
      );
    }
  }
  return units;
}

/** Of its source, for the sake of a polynomial whose unit is a power of the source's. */
function resultUnit(node: GraphNode, isArgument: boolean): number {
  if (node.kind !== 'polynomial' || !node.unitLeading) return -Infinity;
  const unit = isArgument ? argumentUnit(node.bound) : unitFor(node.bound, HEADROOM_BITS);
  return Math.ceil(unit / node.degree);
}

/** log2 of the unit in which an argument of up to `bound` is one for T_k. */
export function argumentUnit(bound: number): number {
  const exponent = Math.ceil(Math.log2(bound / BOUND_MARGIN));
  return exponent > LEAST_ARGUMENT_BITS && exponent <= MOST_ARGUMENT_BITS ? 0 : exponent;
}

function unitFor(bound: number, headroomBits: number): number {
  const exponent = Math.ceil(Math.log2(bound));
  return exponent <= 0 ? exponent : Math.max(0, exponent - headroomBits);
}

/** Coefficients may be larger than what they add up to: they need room, too, but no precision. */
function seriesUnit(node: PolynomialNode, argumentUnit: number): number {
  const room = Math.ceil(Math.log2(reachOf(node, argumentUnit))) - HEADROOM_BITS;
  return Math.max(unitFor(node.bound, HEADROOM_BITS), room);
}

/**
 * Largest |number| that computing a node's value takes, in no unit: the modulus of outputs, which is the smallest, must hold constants
 * and coefficients that cancel most of a sum, too. `argumentUnit` is that of what a polynomial reads.
 */
function reachOf(node: GraphNode, argumentUnit: number): number {
  const largest = (reach: number, value: number): number => Math.max(reach, Math.abs(value));
  if (node.kind === 'linear') return node.bias?.reduce(largest, node.bound) ?? node.bound;
  if (node.kind !== 'polynomial' || node.unitLeading) return node.bound;
  const coefficients =
    argumentUnit === 0 ? node.coefficients : scaleArgument(node.coefficients, 2 ** argumentUnit);
  return coefficients.reduce((reach, values) => values.reduce(largest, reach), node.bound);
}

/** Largest |number| that the outputs need room for, in their units. */
export function outputReach(graph: LinearGraph): number {
  const units = chooseUnits(graph);
  return Math.max(
    ...graph.outputs.map(
      ({ node }) =>
        reachOf(graph.nodes[node]!, units[sourcesOf(graph.nodes[node]!)[0] ?? node]!) * 2 ** -units[node]!,
    ),
  );
}

/** Arguments of sines and of polynomials that cannot take a unit in have none, nor has what these are made of. */
function keptAsTheyAre(graph: LinearGraph): boolean[] {
  const kept = graph.nodes.map(() => false);
  for (const node of graph.nodes.toReversed()) {
    const takesNone =
      node.kind === 'refresh' || (node.kind === 'polynomial' && node.degree > MOST_SCALED_DEGREE);
    if (node.kind === 'refresh') kept[node.id] = true;
    const multiplies = node.kind === 'product' || (node.kind === 'polynomial' && node.unitLeading);
    if (!takesNone && !(multiplies && kept[node.id]!)) continue;
    for (const source of multipliedBy(node)) kept[source] = true;
  }
  return kept;
}

function multipliedBy(node: GraphNode): NodeId[] {
  if (node.kind === 'product') return [node.left, node.right];
  return node.kind === 'polynomial' || node.kind === 'refresh' ? [node.source] : [];
}

/** Whether a node is made of T_k of its source: a square, y = x² + c_1 x + c_0, holds for any x. */
function isSeries(node: GraphNode): boolean {
  return node.kind === 'polynomial' && !(node.unitLeading && node.degree === 2);
}
