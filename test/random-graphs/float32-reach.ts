/**
 * How large the terms are that a model's values are sums of: float32, in which onnxruntime computes, loses a part of the largest term,
 * though the terms cancel; and of what is below its smallest number, it loses all.
 */
import { elementCount } from '../../src/program/layout.ts';
import { MOST_SCALED_DEGREE, scaleArgument } from '../../src/compiler/approx/scale-argument.ts';
import type { LinearGraph, PolynomialNode } from '../../src/compiler/ir/linear-graph.ts';
import { apply } from '../../src/compiler/linear/sparse-matrix.ts';

/** Smaller terms count as this: the part of it that is lost, 2^-21, is float32's smallest number. */
const LEAST = 2 ** -105;

/** For each output, the largest sum of absolute terms on the way to any of its elements. */
export function float32Reach(graph: LinearGraph, inputs: readonly Float64Array[]): number[] {
  const reach: Float64Array[] = [];
  const push = (terms: Float64Array): void => {
    reach.push(terms.map((value) => Math.max(value, LEAST)));
  };
  let nextInput = 0;
  for (const node of graph.nodes) {
    switch (node.kind) {
      case 'input':
        push(inputs[nextInput++]!.map(Math.abs));
        break;
      case 'linear': {
        const sum = node.bias?.map(Math.abs) ?? new Float64Array(elementCount(node.shape));
        for (const { source, matrix } of node.terms) {
          const terms = apply({ ...matrix, values: matrix.values.map(Math.abs) }, reach[source]!);
          terms.forEach((value, e) => (sum[e]! += value));
        }
        push(sum);
        break;
      }
      case 'polynomial':
        reach.push(
          new Float64Array(elementCount(node.shape)).fill(polynomialReach(node, reach[node.source]!)),
        );
        break;
      case 'refresh':
        push(new Float64Array(elementCount(node.shape)).fill(1));
        break;
      case 'product': {
        const right = reach[node.right]!;
        push(reach[node.left]!.map((value, e) => value * right[e]!));
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
  const sumOf = (series: readonly Float64Array[]): number =>
    series.reduce((sum, values) => sum + largest(values), 0);
  return sumOf(inUnit) + LEAST * sumOf(coefficients);
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
