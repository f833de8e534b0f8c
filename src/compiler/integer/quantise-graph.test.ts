import { describe, expect, it } from 'vitest';
import { quantise } from '../../program/quantisation.ts';
import { evaluateLinearGraph } from '../analysis/evaluate-linear-graph.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';
import { LinearGraphBuilder } from '../ir/linear-graph-builder.ts';
import { SparseMatrixBuilder } from '../linear/sparse-matrix.ts';
import type { SparseMatrix } from '../linear/sparse-matrix.ts';
import { Random } from '../random.ts';
import { evaluateIntegers } from './evaluate-integers.ts';
import { worstCaseOutput } from './integer-bounds.ts';
import { quantiseGraph } from './quantise-graph.ts';

const random = new Random(5);
const uniform = (): number => 2 * random.next() - 1;

function matrix(rows: number, cols: number, zeroRow = -1): SparseMatrix {
  const builder = new SparseMatrixBuilder(rows, cols);
  for (let r = 0; r < rows; r++) {
    // Rows of very different size: each channel needs a scale of its own.
    if (r !== zeroRow) for (let c = 0; c < cols; c++) builder.add(c, uniform() * 10 ** (r % 3));
    builder.endRow();
  }
  return builder.build();
}

/** Two branches that are multiplied, a square with linear and constant terms, a sum of two sources. */
function example(): LinearGraph {
  const builder = new LinearGraphBuilder();
  const rest = { layer: 'l', bound: 1 };
  const x = builder.add({ kind: 'input', name: 'x', shape: [1, 6], ...rest });
  const linear = (source: number, m: SparseMatrix, bias: boolean): number =>
    builder.add({
      kind: 'linear',
      terms: [{ source, matrix: m }],
      bias: bias ? Float64Array.from({ length: m.rows }, uniform) : null,
      shape: [1, m.rows],
      ...rest,
    });
  const a = linear(x, matrix(4, 6, 2), true);
  const b = linear(x, matrix(4, 6), false);
  const product = builder.add({ kind: 'product', left: a, right: b, shape: [1, 4], ...rest });
  const square = builder.add({
    kind: 'polynomial',
    source: a,
    degree: 2,
    unitLeading: true,
    coefficients: [Float64Array.of(0.3), Float64Array.from({ length: 4 }, uniform)],
    shape: [1, 4],
    ...rest,
  });
  const sum = builder.add({
    kind: 'linear',
    terms: [
      { source: product, matrix: matrix(3, 4) },
      { source: square, matrix: matrix(3, 4) },
    ],
    bias: Float64Array.of(0.5, -0.25, 3),
    shape: [1, 3],
    ...rest,
  });
  return builder.build('example', [{ name: 'y', node: sum }]);
}

const graph = example();
const samples = Array.from({ length: 50 }, () => [Float64Array.from({ length: 6 }, uniform)]);

function run(bits: number): { error: number; largest: number; worst: number } {
  const integer = quantiseGraph(graph, samples, { input: bits, weight: bits });
  let [error, range, largest] = [0, 0, 0];
  for (const sample of samples) {
    const [expected] = evaluateLinearGraph(graph, sample);
    const inputs = Array.from(quantise(sample[0]!, integer.inputs[0]), BigInt);
    const [integers] = evaluateIntegers(integer.graph, [inputs]);
    integers!.forEach((value, e) => {
      error = Math.max(error, Math.abs(Number(value) * integer.outputs[0]!.scale - expected![e]!));
      range = Math.max(range, Math.abs(expected![e]!));
      largest = Math.max(largest, Math.abs(Number(value)));
    });
  }
  return { error: error / range, largest, worst: worstCaseOutput(integer.graph, integer.inputs) };
}

describe('quantisation', () => {
  it('gets as exact as there are bits', () => {
    const [coarse, fine, finest] = [run(6), run(10), run(14)];
    expect(coarse.error).toBeLessThan(0.2);
    // Four bits more divide the error by some 16.
    expect(fine.error).toBeLessThan(coarse.error / 4);
    expect(finest.error).toBeLessThan(fine.error / 4);
    expect(finest.error).toBeLessThan(1e-3);
  });

  it('makes nothing but integers of the size asked for', () => {
    const { graph: integers, inputs } = quantiseGraph(graph, samples, { input: 5, weight: 4 });
    expect(inputs[0]!.max).toBeLessThanOrEqual(15);
    expect(inputs[0]!.min).toBeGreaterThanOrEqual(-15);
    for (const node of integers.nodes) {
      if (node.kind === 'polynomial') {
        for (const list of node.coefficients) expect(list.every(Number.isInteger)).toBe(true);
      }
      if (node.kind !== 'linear') continue;
      expect(node.bias?.every(Number.isInteger) ?? true).toBe(true);
      for (const { matrix: m } of node.terms) {
        expect(m.values.every((value) => Number.isInteger(value) && Math.abs(value) <= 7)).toBe(true);
      }
    }
  });

  it('knows a bound that no input of the range exceeds', () => {
    const { largest, worst } = run(6);
    expect(worst).toBeGreaterThanOrEqual(largest);
    expect(worst).toBeLessThan(200 * largest);
    const integer = quantiseGraph(graph, samples, { input: 6, weight: 6 });
    const { min, max } = integer.inputs[0]!;
    // Corners of the box, where outputs are largest.
    for (let corner = 0; corner < 64; corner++) {
      const inputs = Array.from({ length: 6 }, (_, i) => BigInt((corner >> i) & 1 ? max : min));
      for (const value of evaluateIntegers(integer.graph, [inputs])[0]!) {
        expect(Math.abs(Number(value))).toBeLessThanOrEqual(run(6).worst);
      }
    }
  });

  it('refuses higher degrees', () => {
    const nodes = graph.nodes.map((node) =>
      node.kind === 'polynomial'
        ? { ...node, degree: 4, coefficients: [0, 0, 0, 1].map((c) => Float64Array.of(c)) }
        : node,
    );
    expect(() => quantiseGraph({ ...graph, nodes }, samples, { input: 4, weight: 4 })).toThrow(
      expect.objectContaining({ code: 'NOT_AN_INTEGER_MODEL' }),
    );
  });
});
