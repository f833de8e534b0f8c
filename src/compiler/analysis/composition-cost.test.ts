import { describe, expect, it } from 'vitest';
import type { LinearGraph, NodeId } from '../ir/linear-graph.ts';
import { LinearGraphBuilder } from '../ir/linear-graph-builder.ts';
import { SparseMatrixBuilder, identity, type SparseMatrix } from '../linear/sparse-matrix.ts';
import { diagonalCount, estimateCost } from './composition-cost.ts';
import { sealCostModel } from './cost-model.ts';

const COSTS = sealCostModel(8192, 6);

/** Every row holds `entries` ones, spread evenly. */
function spread(rows: number, cols: number, entries: number): SparseMatrix {
  const builder = new SparseMatrixBuilder(rows, cols);
  for (let r = 0; r < rows; r++) {
    for (let k = 0; k < entries; k++) builder.add((r + Math.floor((k * cols) / entries)) % cols, 1);
    builder.endRow();
  }
  return builder.build();
}

/** Squares, if any, then the maps one after another. */
function graphOf(maps: readonly SparseMatrix[], squaresBefore = 0): LinearGraph {
  const builder = new LinearGraphBuilder();
  const size = maps[0]!.cols;
  let last: NodeId = builder.add({ kind: 'input', name: 'x', layer: 'x', shape: [size], bound: 1 });
  for (let i = 0; i < squaresBefore; i++) {
    const coefficients = [0, 0].map((c) => Float64Array.of(c));
    const rest = { layer: 'relu', shape: [size], bound: 1, degree: 2, unitLeading: true };
    last = builder.add({ kind: 'polynomial', source: last, coefficients, ...rest });
  }
  for (const matrix of maps) {
    const rest = { layer: 'fc', shape: [matrix.rows], bound: 1 };
    last = builder.add({ kind: 'linear', terms: [{ source: last, matrix }], bias: null, ...rest });
  }
  return builder.build('graph', [{ name: 'y', node: last }]);
}

describe('diagonalCount', () => {
  it('is the number of diagonals of square and banded matrices', () => {
    expect(diagonalCount(identity(1000), 4096)).toBe(1);
    expect(diagonalCount(spread(1000, 1000, 9), 4096)).toBe(9);
    expect(diagonalCount(spread(64, 64, 64), 4096)).toBe(64);
  });

  it('counts every ciphertext of a tensor larger than one', () => {
    expect(diagonalCount(identity(16384), 4096)).toBe(4);
  });

  it('lets short-wide matrices profit from summing', () => {
    expect(diagonalCount(spread(10, 1000, 1000), 4096)).toBeCloseTo(100, 9);
  });
});

describe('estimateCost', () => {
  it('falls when maps of equal size are merged, and rises with entries', () => {
    const nine = spread(4096, 4096, 9);
    expect(estimateCost(graphOf([nine]), COSTS)).toBeLessThan(
      estimateCost(graphOf([nine, identity(4096)]), COSTS),
    );
    expect(estimateCost(graphOf([spread(4096, 4096, 25)]), COSTS)).toBeGreaterThan(
      estimateCost(graphOf([nine]), COSTS),
    );
  });

  it('values a saved level by the work before it', () => {
    const separate = [spread(4096, 4096, 9), spread(4096, 4096, 9)];
    const composed = [spread(4096, 4096, 81)];
    const gain = (squares: number): number =>
      estimateCost(graphOf(separate, squares), COSTS) / estimateCost(graphOf(composed, squares), COSTS);
    // 81 diagonals instead of 18 do not pay by themselves; with enough work before them they do.
    expect(gain(0)).toBeLessThan(1);
    expect(gain(12)).toBeGreaterThan(1);
  });

  it('values a level more with a larger weight', () => {
    const [separate, composed] = [graphOf([identity(8), identity(8)]), graphOf([identity(8)])];
    const gain = (weight: number): number =>
      estimateCost(separate, COSTS, weight) / estimateCost(composed, COSTS, weight);
    // chains of 2 + 2 and 1 + 2 primes
    expect(gain(3) / gain(1)).toBeCloseTo((4 / 3) ** 2, 12);
  });
});
