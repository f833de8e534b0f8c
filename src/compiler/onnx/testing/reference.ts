/** Test support: onnxruntime as the reference, and our own interpretation of a graph through the queries. */
import { InferenceSession, Tensor } from '../../reference/onnxruntime.ts';
import type { TensorGraph } from '../../ir/tensor-graph.ts';
import { shapeOf } from '../../ir/tensor-graph.ts';
import { apply } from '../../linear/sparse-matrix.ts';
import { classify } from '../classify.ts';
import { linearForm } from '../linear-form.ts';
import { maxPoolWindows } from '../max-pool-windows.ts';
import { evaluatePolynomial, polynomialAttributes } from '../ops/polynomial.ts';
import { broadcastIndices } from '../shapes.ts';
import { scalarFunction } from '../scalar-function.ts';

export type Values = ReadonlyMap<string, Float64Array>;

/** Runs an ONNX file in onnxruntime (float32). `shapes` are those of the inputs. */
export async function runReference(
  bytes: Uint8Array,
  inputs: Values,
  shapes: (input: string) => readonly number[],
): Promise<Map<string, Float64Array>> {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 4, intraOpNumThreads: 1 });
  try {
    const feeds = Object.fromEntries(
      [...inputs].map(([name, data]) => [name, new Tensor('float32', Float32Array.from(data), shapes(name))]),
    );
    const results = await session.run(feeds);
    return new Map(
      Object.entries(results).map(([name, result]) => [
        name,
        Float64Array.from(result.data as Float32Array, Number),
      ]),
    );
  } finally {
    await session.release();
  }
}

/** Evaluates a graph in float64 by what `classify`, `linearForm`, `scalarFunction` … say about its nodes. */
export function interpret(graph: TensorGraph, inputs: Values): Map<string, Float64Array> {
  const values = new Map(inputs);
  const read = (tensor: string): Float64Array => values.get(tensor)!;
  for (const node of graph.nodes) {
    const [source, other] = node.inputs as [string, string];
    const [output] = node.outputs as [string];
    switch (classify(graph, node)) {
      case 'linear':
        for (const [index, name] of node.outputs.entries()) {
          if (name === '') continue;
          if (!graph.shapes.has(name)) continue;
          const { terms, bias } = linearForm(graph, node, index);
          const size = shapeOf(graph, name).reduce((a, b) => a * b, 1);
          const sum = bias === null ? new Float64Array(size) : bias.slice();
          for (const { input, matrix } of terms) {
            const part = apply(matrix, read(input));
            for (let e = 0; e < size; e++) sum[e]! += part[e]!;
          }
          values.set(name, sum);
        }
        break;
      case 'activation':
        values.set(
          output,
          read(node.inputs.find((input) => values.has(input))!).map(scalarFunction(graph, node).evaluate),
        );
        break;
      case 'max-pool': {
        const { rowStart, columns } = maxPoolWindows(graph, node);
        const x = read(source);
        const best = Float64Array.from({ length: rowStart.length - 1 }, (_, w) =>
          columns
            .subarray(rowStart[w], rowStart[w + 1])
            .reduce((max, column) => Math.max(max, x[column]!), -Infinity),
        );
        values.set(output, best);
        break;
      }
      case 'polynomial':
        values.set(
          output,
          evaluatePolynomial(polynomialAttributes(node), shapeOf(graph, output), read(source)),
        );
        break;
      case 'product': {
        const shape = shapeOf(graph, output);
        const [left, right] = [source, other].map((name) => broadcastIndices(shapeOf(graph, name), shape));
        const product = Float64Array.from(left!, (at, e) => read(source)[at]! * read(other)[right![e]!]!);
        values.set(output, product);
        break;
      }
    }
  }
  return values;
}

/** Largest |a − b|, relative to the largest |b| but at least absolute. */
export function maxDifference(a: Float64Array, b: Float64Array): number {
  if (a.length !== b.length) return Infinity;
  let difference = 0;
  let largest = 1;
  for (let i = 0; i < a.length; i++) {
    largest = Math.max(largest, Math.abs(b[i]!));
    const distance = Math.abs(a[i]! - b[i]!);
    difference = Number.isNaN(distance) ? Infinity : Math.max(difference, distance);
  }
  return difference / largest;
}
