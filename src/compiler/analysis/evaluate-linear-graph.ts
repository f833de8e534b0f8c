/**
 * A linear graph computed in float64, without any encryption: the reference that slot programs are held against, and
 * what bounds are measured on.
 */
import { InternalError } from '../../errors.ts';
import { refreshed } from '../../program/semantics/evaluate-refresh.ts';
import { elementCount } from '../../program/layout.ts';
import { evaluateChebyshev, evaluateChebyshevAll } from '../approx/chebyshev.ts';
import type { LinearGraph, LinearNode, NodeId, PolynomialNode } from '../ir/linear-graph.ts';
import { scaleArgument, scaleUnitLeading, unitOfArguments } from '../approx/scale-argument.ts';
import { apply } from '../linear/sparse-matrix.ts';

/** Values of all outputs, in the graph's order; `inputs` are the values of its input nodes, in order, row-major. */
export function evaluateLinearGraph(graph: LinearGraph, inputs: readonly Float64Array[]): Float64Array[] {
  const values = evaluateNodes(graph, inputs);
  return graph.outputs.map(({ node }) => {
    const { unit = 1 } = graph.nodes[node]!;
    return unit === 1 ? values[node]! : values[node]!.map((value) => value * unit);
  });
}

/**
 * Values of all nodes, in their units, indexed by id. `disturb` may replace each value before anything uses it: how errors are followed
 * through a graph.
 */
export function evaluateNodes(
  graph: LinearGraph,
  inputs: readonly Float64Array[],
  disturb: (id: NodeId, value: Float64Array) => Float64Array = (_, value) => value,
): Float64Array[] {
  const values: Float64Array[] = [];
  const push = (value: Float64Array): void => {
    values.push(disturb(values.length, value));
  };
  let nextInput = 0;
  for (const node of graph.nodes) {
    switch (node.kind) {
      case 'input': {
        const value = inputs[nextInput++];
        const size = elementCount(node.shape);
        if (value?.length !== size) {
          throw new InternalError(
            `input '${node.name}' has ${value?.length ?? 'no'} values, expected ${size}`,
          );
        }
        const { unit = 1 } = node;
        push(unit === 1 ? value : value.map((x) => x / unit));
        break;
      }
      case 'linear':
        push(evaluateLinear(node, values));
        break;
      case 'polynomial':
        push(evaluatePolynomial(node, values[node.source]!));
        break;
      case 'refresh':
        push(values[node.source]!.map((value) => refreshed(value, node.ratio)));
        break;
      case 'product': {
        const right = values[node.right]!;
        push(values[node.left]!.map((value, e) => value * right[e]!));
        break;
      }
    }
  }
  return values;
}

function evaluateLinear(node: LinearNode, values: readonly Float64Array[]): Float64Array {
  const sum = node.bias === null ? new Float64Array(elementCount(node.shape)) : node.bias.slice();
  for (const { source, matrix } of node.terms) {
    const term = apply(matrix, values[source]!);
    for (let e = 0; e < sum.length; e++) sum[e] = sum[e]! + term[e]!;
  }
  return sum;
}

/** The polynomial of every element at x. */
export function evaluatePolynomial(
  node: Pick<PolynomialNode, 'degree' | 'unitLeading' | 'coefficients'>,
  x: Float64Array,
): Float64Array {
  const { degree, unitLeading, coefficients } = node;
  const largest = x.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const s = unitOfArguments(largest, degree);
  if (s === 1) return evaluateAsGiven(node, x);
  const inUnit = unitLeading ? scaleUnitLeading(coefficients, s) : scaleArgument(coefficients, s);
  const values = evaluateAsGiven(
    { ...node, coefficients: inUnit },
    x.map((value) => value / s),
  );
  return unitLeading ? values.map((value) => value * s ** degree) : values;
}

function evaluateAsGiven(
  node: Pick<PolynomialNode, 'degree' | 'unitLeading' | 'coefficients'>,
  x: Float64Array,
): Float64Array {
  const sum = evaluateChebyshevAll(node.coefficients, x);
  if (!node.unitLeading) return sum;
  const half = new Float64Array(node.degree / 2 + 1);
  half[half.length - 1] = 1;
  return sum.map((value, e) => evaluateChebyshev(half, x[e]!) ** 2 + value);
}
