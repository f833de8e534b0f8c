/**
 * How large the terms are that a model's values are sums of: float32, in which onnxruntime computes, loses a part of the largest term,
 * though the terms cancel.
 */
import { elementCount } from '../../src/program/layout.ts';
import { MOST_SCALED_DEGREE, scaleArgument } from '../../src/compiler/approx/scale-argument.ts';
import type { LinearGraph, PolynomialNode } from '../../src/compiler/ir/linear-graph.ts';
import { apply } from '../../src/compiler/linear/sparse-matrix.ts';

/** For each output, the largest sum of absolute terms on the way to any of its elements. */
export function float32Reach(graph: LinearGraph, inputs: readonly Float64Array[]): number[] {
  const reach: Float64Array[] = [];
  let nextInput = 0;
  for (const node of graph.nodes) {
    switch (node.kind) {
      case 'input':
        reach.push(inputs[nextInput++]!.map(Math.abs));
        break;
      case 'linear': {
        const sum = node.bias?.map(Math.abs) ?? new Float64Array(elementCount(node.shape));
        for (const { source, matrix } of node.terms) {
          const terms = apply({ ...matrix, values: matrix.values.map(Math.abs) }, reach[source]!);
          terms.forEach((value, e) => (sum[e]! += value));
        }
        reach.push(sum);
        break;
      }
      case 'polynomial':
        reach.push(
          new Float64Array(elementCount(node.shape)).fill(polynomialReach(node, reach[node.source]!)),
        );
        break;
      case 'product': {
        const right = reach[node.right]!;
        reach.push(reach[node.left]!.map((value, e) => value * right[e]!));
        break;
      }
    }
  }
  return graph.outputs.map(({ node }) => largest(reach[node]!));
}

/** In a unit that brings the argument to [−1, 1], where |T_k| ≤ 1. */
function polynomialReach({ degree, coefficients }: PolynomialNode, argument: Float64Array): number {
  const unit = 2 ** Math.ceil(Math.log2(largest(argument) || 1));
  const inUnit = degree > MOST_SCALED_DEGREE ? coefficients : scaleArgument(coefficients, unit);
  return inUnit.reduce((sum, values) => sum + largest(values), 0);
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
