/**
 * Computes every value in a unit of its own (see `analysis/units.ts`), which linear maps and polynomials around it take in:
 * outputs of 1e10 or of 1e-10 then need no other modulus, and lose no more precision, than those of 1. Powers of two make it
 * exact. Where magnitudes are ordinary, nothing changes.
 */
import { chooseUnits } from '../analysis/units.ts';
import { scaleArgument, scaleUnitLeading } from '../approx/scale-argument.ts';
import type { GraphNode, LinearGraph, LinearNode, PolynomialNode } from '../ir/linear-graph.ts';

/** `graph` has no units yet; its bounds are those of real values, the result's those of what slots hold. */
export function normaliseMagnitudes(graph: LinearGraph): LinearGraph {
  const units = chooseUnits(graph);
  const nodes = graph.nodes.map((node): GraphNode => {
    const unit = units[node.id]!;
    const computed = inUnits(node, units);
    return unit === 0 ? computed : { ...computed, unit: 2 ** unit, bound: node.bound * 2 ** -unit };
  });
  return { ...graph, nodes };
}

function inUnits(node: GraphNode, units: readonly number[]): GraphNode {
  switch (node.kind) {
    case 'input':
    case 'product':
    case 'refresh':
      return node;
    case 'linear':
      return linearInUnits(node, units);
    case 'polynomial':
      return polynomialInUnits(node, units);
  }
}

function linearInUnits(node: LinearNode, units: readonly number[]): LinearNode {
  const unit = units[node.id]!;
  const terms = node.terms.map((term) => {
    const factor = 2 ** (units[term.source]! - unit);
    return factor === 1 ? term : { ...term, matrix: scaled(term.matrix, factor) };
  });
  return { ...node, terms, bias: node.bias?.map((value) => value * 2 ** -unit) ?? null };
}

function scaled(matrix: LinearNode['terms'][number]['matrix'], factor: number): typeof matrix {
  return { ...matrix, values: matrix.values.map((value) => value * factor) };
}

/** In any unit, of an argument in its own; the unit of T_{d/2}² + … is the d-th power of the argument's. */
function polynomialInUnits(node: PolynomialNode, units: readonly number[]): PolynomialNode {
  const unit = units[node.id]!;
  const argument = units[node.source]!;
  if (node.unitLeading) {
    return argument === 0
      ? node
      : { ...node, coefficients: scaleUnitLeading(node.coefficients, 2 ** argument) };
  }
  const { coefficients } = node;
  const inUnit = argument === 0 ? coefficients : scaleArgument(coefficients, 2 ** argument);
  return unit === 0
    ? { ...node, coefficients: inUnit }
    : { ...node, coefficients: inUnit.map((values) => values.map((c) => c * 2 ** -unit)) };
}
