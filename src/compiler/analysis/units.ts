/**
 * The unit that each value of a linear graph is computed in: a power of two, chosen so that what slots hold is neither so
 * large that a modulus wraps nor so small that it drowns in noise, whatever the magnitude of inputs, weights and outputs.
 * Linear maps take units in for free, in their entries; so do polynomials, in their coefficients, and inputs and outputs, in
 * what the client packs and unpacks. Products and squares have the units that their operands give them.
 */
import { sourcesOf } from '../ir/linear-graph.ts';
import type { GraphNode, LinearGraph, NodeId, PolynomialNode } from '../ir/linear-graph.ts';

/**
 * Values of up to 2 to this power are left as they are: the modulus has room for them, and what is above 1 is precision.
 * Products add it up, so that their operands have less.
 */
const HEADROOM_BITS = 10;
const OPERAND_HEADROOM_BITS = 2;

/** log2 of each node's unit; `node.bound` over the unit is what its slots hold. */
export function chooseUnits(graph: LinearGraph): number[] {
  const kept = keptAsTheyAre(graph);
  const operands = operandUnits(graph);
  const outputs = new Set(graph.outputs.map(({ node }) => node));
  const read = new Set(graph.nodes.flatMap((node) => sourcesOf(node)));
  const units: number[] = [];
  for (const node of graph.nodes) {
    const { id } = node;
    if (kept[id]!) units.push(0);
    else if (node.kind === 'polynomial' && isSquare(node)) units.push(2 * units[node.source]!);
    else if (node.kind === 'product') units.push(units[node.left]! + units[node.right]!);
    else if (operands.has(id)) units.push(operands.get(id)!);
    // An input that nothing reads lives where the modulus is that of outputs, with no room kept for it.
    else if (!read.has(id) && !outputs.has(id)) units.push(unitFor(node.bound, 0));
    else units.push(unitFor(outputs.has(id) ? reachOf(node) : node.bound, HEADROOM_BITS));
  }
  return units;
}

/** Units that operands of products should have: for themselves and, of squares with a constant, for the result. */
function operandUnits(graph: LinearGraph): Map<NodeId, number> {
  const units = new Map<NodeId, number>();
  for (const node of graph.nodes) {
    for (const source of factorsOf(node)) {
      const own = unitFor(graph.nodes[source]!.bound, OPERAND_HEADROOM_BITS);
      const result = node.kind === 'polynomial' ? unitFor(node.bound, HEADROOM_BITS) / 2 : -Infinity;
      units.set(source, Math.max(own, Math.ceil(result), units.get(source) ?? -Infinity));
    }
  }
  return units;
}

function unitFor(bound: number, headroomBits: number): number {
  const exponent = Math.ceil(Math.log2(bound));
  return exponent <= 0 ? exponent : Math.max(0, exponent - headroomBits);
}

/**
 * Largest |number| that computing a node's value takes: the modulus of outputs, which is the smallest, must hold constants that
 * cancel most of a sum, too.
 */
export function reachOf(node: GraphNode): number {
  if (node.kind !== 'linear' || node.bias === null) return node.bound;
  return node.bias.reduce((most, value) => Math.max(most, Math.abs(value)), node.bound);
}

/** Largest |number| that the outputs need room for, in their units. */
export function outputReach(graph: LinearGraph): number {
  const units = chooseUnits(graph);
  return Math.max(...graph.outputs.map(({ node }) => reachOf(graph.nodes[node]!) * 2 ** -units[node]!));
}

/** T_k beyond a square hold in [−1, 1] only: their arguments have no other unit, nor has what these come from. */
function keptAsTheyAre(graph: LinearGraph): boolean[] {
  const kept = graph.nodes.map(() => false);
  for (const node of graph.nodes.toReversed()) {
    if (node.kind === 'polynomial' && !isSquare(node)) {
      kept[node.source] = true;
      // T_{d/2}² has no coefficient that could take a unit in.
      if (node.unitLeading) kept[node.id] = true;
    } else if (kept[node.id]!) {
      for (const source of factorsOf(node)) kept[source] = true;
    }
  }
  return kept;
}

/** What a product multiplies. */
function factorsOf(node: GraphNode): NodeId[] {
  if (node.kind === 'product') return [node.left, node.right];
  return node.kind === 'polynomial' && isSquare(node) ? [node.source] : [];
}

/** y = x² + c_1 x + c_0. */
export function isSquare({ unitLeading, degree }: PolynomialNode): boolean {
  return unitLeading && degree === 2;
}
