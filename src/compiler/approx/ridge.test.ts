import { describe, expect, it } from 'vitest';
import type { RegressionSums } from './ridge.ts';
import { addSums, chooseStrength, ridgeTowards, squaredError } from './ridge.ts';

/** Deterministic, full-rank data: y = W h + b. */
function sumsOf(samples: number, weights: readonly number[][], bias: readonly number[]): RegressionSums {
  const features = weights[0]!.length;
  const outputs = weights.length;
  const sums = {
    samples,
    features,
    outputs,
    gram: new Float64Array(features ** 2),
    cross: new Float64Array(outputs * features),
    featureSums: new Float64Array(features),
    targetSums: new Float64Array(outputs),
    targetSquares: 0,
  };
  for (let s = 0; s < samples; s++) {
    const h = Array.from({ length: features }, (_, i) => Math.sin(1 + s * (i + 1.3)) + i);
    const y = weights.map((row, o) => row.reduce((sum, w, i) => sum + w * h[i]!, bias[o]!));
    for (let i = 0; i < features; i++) {
      sums.featureSums[i]! += h[i]!;
      for (let j = 0; j < features; j++) sums.gram[i * features + j]! += h[i]! * h[j]!;
      for (let o = 0; o < outputs; o++) sums.cross[o * features + i]! += y[o]! * h[i]!;
    }
    for (let o = 0; o < outputs; o++) {
      sums.targetSums[o]! += y[o]!;
      sums.targetSquares += y[o]! ** 2;
    }
  }
  return sums;
}

const weights = [
  [1, -2, 0.5],
  [0.25, 3, -1],
];

describe('ridge regression', () => {
  it('recovers weights and bias without regularisation, from any start', () => {
    const solved = ridgeTowards(sumsOf(50, weights, [4, -7]), new Float64Array(6).fill(9), 0);
    for (const [k, value] of weights.flat().entries()) expect(solved.weights[k]).toBeCloseTo(value, 7);
    expect(solved.bias[0]).toBeCloseTo(4, 7);
    expect(solved.bias[1]).toBeCloseTo(-7, 7);
  });

  it('keeps the initial weights where they already fit', () => {
    const initial = Float64Array.from(weights.flat());
    const solved = ridgeTowards(sumsOf(50, weights, [4, -7]), initial, 10);
    for (const [k, value] of initial.entries()) expect(solved.weights[k]).toBeCloseTo(value, 9);
  });

  it('stays near the initial weights when strongly regularised, yet matches the means by the bias', () => {
    const sums = sumsOf(50, weights, [4, -7]);
    const solved = ridgeTowards(sums, new Float64Array(6), 1e9);
    for (const value of solved.weights) expect(Math.abs(value)).toBeLessThan(1e-6);
    expect(solved.bias[0]).toBeCloseTo(sums.targetSums[0]! / 50, 5);
  });

  it('survives a constant feature', () => {
    const sums = sumsOf(2, [[1, 1, 1]], [0]);
    const solved = ridgeTowards(sums, Float64Array.of(1, 2, 3), 1e-3);
    expect([...solved.weights, ...solved.bias].every(Number.isFinite)).toBe(true);
  });
});

describe('choice of the strength', () => {
  it('measures the squared error from the sums alone', () => {
    const sums = sumsOf(50, weights, [4, -7]);
    const exact = { weights: Float64Array.from(weights.flat()), bias: Float64Array.of(4, -7) };
    expect(squaredError(sums, exact)).toBeCloseTo(0, 6);
    expect(squaredError(sums, { ...exact, bias: Float64Array.of(5, -7) })).toBeCloseTo(50, 6);
    expect(squaredError(addSums(sums, sums), { ...exact, bias: Float64Array.of(4, -5) })).toBeCloseTo(400, 5);
  });

  it('is small where the training data tell the truth, large where they mislead', () => {
    const truth = sumsOf(50, weights, [4, -7]);
    const misleading = sumsOf(
      4,
      [
        [5, 5, 5],
        [5, 5, 5],
      ],
      [0, 0],
    );
    expect(chooseStrength(truth, truth, new Float64Array(6))).toBe(1e-5);
    expect(chooseStrength(misleading, truth, Float64Array.from(weights.flat()))).toBeGreaterThan(1);
  });
});
