import { describe, expect, it } from 'vitest';
import { LinearGraphBuilder } from '../ir/linear-graph-builder.ts';
import { SparseMatrixBuilder, diagonal } from '../linear/sparse-matrix.ts';
import { BOUND_MARGIN, BOUND_OF_ZERO, refreshBounds, worstCaseBound } from './bounds.ts';
import { evaluateLinearGraph, evaluateNodes, evaluatePolynomial } from './evaluate-linear-graph.ts';

const rest = { layer: 'l', bound: 1 };

/** y = (a + 2 b reversed + (1, 0)) ⊙ T_3(a). */
function example(): ReturnType<LinearGraphBuilder['build']> {
  const reversed = new SparseMatrixBuilder(2, 2);
  reversed.add(1, 2);
  reversed.endRow();
  reversed.add(0, 2);
  const builder = new LinearGraphBuilder();
  const a = builder.add({ kind: 'input', name: 'a', shape: [2], ...rest });
  const b = builder.add({ kind: 'input', name: 'b', shape: [2], ...rest });
  const sum = builder.add({
    kind: 'linear',
    terms: [
      { source: a, matrix: diagonal(Float64Array.of(1, 1)) },
      { source: b, matrix: reversed.build() },
    ],
    bias: Float64Array.of(1, 0),
    shape: [2],
    ...rest,
  });
  const cubic = builder.add({
    kind: 'polynomial',
    source: a,
    degree: 3,
    unitLeading: false,
    coefficients: [0, 0, 0, 1].map((c) => Float64Array.of(c)),
    shape: [2],
    ...rest,
  });
  const product = builder.add({ kind: 'product', left: sum, right: cubic, shape: [2], ...rest });
  return builder.build('example', [{ name: 'y', node: product }]);
}

describe('evaluateLinearGraph', () => {
  it('evaluates every kind of node', () => {
    const inputs = [Float64Array.of(0.5, -1), Float64Array.of(3, 4)];
    // T_3(x) = 4x³ − 3x
    expect(evaluateLinearGraph(example(), inputs)).toEqual([Float64Array.of(9.5 * -1, 5 * -1)]);
    expect(evaluateNodes(example(), inputs)[2]).toEqual(Float64Array.of(9.5, 5));
  });

  it('evaluates unit-leading polynomials and coefficients per element', () => {
    const node = {
      degree: 4,
      unitLeading: true,
      coefficients: [Float64Array.of(1, 2), Float64Array.of(3), Float64Array.of(0), Float64Array.of(0)],
    };
    const t2 = (x: number): number => 2 * x * x - 1;
    const x = Float64Array.of(0.3, -2);
    const y = evaluatePolynomial(node, x);
    expect(y[0]).toBeCloseTo(t2(0.3) ** 2 + 1 + 0.9, 14);
    expect(y[1]).toBeCloseTo(t2(-2) ** 2 + 2 - 6, 14);
  });

  it('refuses inputs of the wrong size', () => {
    expect(() => evaluateLinearGraph(example(), [Float64Array.of(1)])).toThrow(
      /input 'a' has 1 values, expected 2/,
    );
    expect(() => evaluateLinearGraph(example(), [Float64Array.of(1, 2)])).toThrow(/input 'b' has no values/);
  });
});

describe('bounds', () => {
  it('measures the largest magnitude of each node over the samples, with margin', () => {
    const samples = [
      [Float64Array.of(0.5, -1), Float64Array.of(3, 4)],
      [Float64Array.of(0, 0), Float64Array.of(-30, 0)],
    ];
    const bounds = refreshBounds(example(), samples).nodes.map((node) => node.bound);
    expect(bounds).toEqual([1, 30, 60, 1, 9.5].map((value) => value * BOUND_MARGIN));
  });

  it('never lets a bound be zero', () => {
    const zero = [Float64Array.of(0, 0), Float64Array.of(0, 0)];
    expect(refreshBounds(example(), [zero]).nodes[0]!.bound).toBe(BOUND_OF_ZERO);
  });

  it('refuses samples that are missing or lead to values that are not finite', () => {
    expect(() => refreshBounds(example(), [])).toThrow(/at least one/);
    const broken = [Float64Array.of(Infinity, 0), Float64Array.of(0, 0)];
    expect(() => refreshBounds(example(), [broken])).toThrow(
      expect.objectContaining({ code: 'INPUT_NOT_FINITE' }) as Error,
    );
    const wild = [Float64Array.of(1e300, 0), Float64Array.of(1e300, 0)];
    expect(() => refreshBounds(example(), [wild])).toThrow(
      expect.objectContaining({ code: 'VALUES_NOT_FINITE' }) as Error,
    );
  });

  it('bounds what a node can reach at worst', () => {
    const graph = example();
    const boundOf = (id: number): number => [2, 3, 8, 26, 0][id]!;
    expect([2, 3, 4].map((id) => worstCaseBound(graph.nodes[id]!, boundOf))).toEqual(
      // 2 + 2·3 + 1; T_3(2); 8·26
      [9, 26, 208],
    );
  });
});
