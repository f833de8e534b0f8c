/** An integer graph computed exactly, with big integers and without any modulus: what encrypted results must equal. */
import { InternalError } from '../../errors.ts';
import { elementCount } from '../../program/layout.ts';
import { exactInteger } from '../../program/semantics/integer-algebra.ts';
import type { LinearGraph, LinearNode, PolynomialNode } from '../ir/linear-graph.ts';

/** Values of all outputs, in the graph's order; `inputs` are those of its input nodes, in order, row-major. */
export function evaluateIntegers(graph: LinearGraph, inputs: readonly (readonly bigint[])[]): bigint[][] {
  const values: (readonly bigint[])[] = [];
  let nextInput = 0;
  for (const node of graph.nodes) {
    switch (node.kind) {
      case 'input': {
        const value = inputs[nextInput++];
        if (value?.length !== elementCount(node.shape))
          throw new InternalError('an input has the wrong size');
        values.push(value);
        break;
      }
      case 'linear':
        values.push(linear(node, values));
        break;
      case 'polynomial':
        values.push(square(node, values[node.source]!));
        break;
      case 'refresh':
        throw new InternalError('integers are exact: nothing is refreshed');
      case 'product': {
        const right = values[node.right]!;
        values.push(values[node.left]!.map((value, e) => value * right[e]!));
        break;
      }
    }
  }
  return graph.outputs.map(({ node }) => [...values[node]!]);
}

function linear(node: LinearNode, values: readonly (readonly bigint[])[]): bigint[] {
  const sum = Array.from({ length: elementCount(node.shape) }, (_, e) => exactInteger(node.bias?.[e] ?? 0));
  for (const { source, matrix } of node.terms) {
    const x = values[source]!;
    for (let r = 0; r < matrix.rows; r++) {
      for (let k = matrix.rowStart[r]!; k < matrix.rowStart[r + 1]!; k++) {
        sum[r] = sum[r]! + exactInteger(matrix.values[k]!) * x[matrix.columns[k]!]!;
      }
    }
  }
  return sum;
}

function square({ coefficients, degree, unitLeading }: PolynomialNode, x: readonly bigint[]): bigint[] {
  if (degree !== 2 || !unitLeading) throw new InternalError('an integer graph has squares only');
  const at = (k: number, e: number): bigint => {
    const own = coefficients[k]!;
    return exactInteger(own[own.length === 1 ? 0 : e]!);
  };
  return x.map((value, e) => value * value + at(1, e) * value + at(0, e));
}
