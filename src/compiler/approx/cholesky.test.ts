import { describe, expect, it } from 'vitest';
import { factorCholesky, solveSymmetric } from './cholesky.ts';

describe('Cholesky', () => {
  it('solves several right-hand sides and keeps the matrix', () => {
    const matrix = Float64Array.of(4, 2, 0.6, 2, 5, 1, 0.6, 1, 3);
    const copy = matrix.slice();
    const solution = solveSymmetric(matrix, 3, Float64Array.of(1, 2, 3, 0, 0, 1));
    expect(matrix).toEqual(copy);
    for (const [row, expected] of [
      [0, [1, 2, 3]],
      [1, [0, 0, 1]],
    ] as const) {
      const x = solution.subarray(row * 3, row * 3 + 3);
      for (let i = 0; i < 3; i++) {
        const product = matrix[i * 3]! * x[0]! + matrix[i * 3 + 1]! * x[1]! + matrix[i * 3 + 2]! * x[2]!;
        expect(product).toBeCloseTo(expected[i]!, 9);
      }
    }
  });

  it('reports a matrix that is not positive definite', () => {
    expect(factorCholesky(Float64Array.of(1, 2, 2, 1), 2)).toBe(false);
  });

  it('gives the least solution, nearly, of a singular system', () => {
    const solution = solveSymmetric(Float64Array.of(1, 1, 1, 1), 2, Float64Array.of(2, 2));
    expect(solution[0]).toBeCloseTo(1, 3);
    expect(solution[1]).toBeCloseTo(1, 3);
  });

  it('survives a zero matrix', () => {
    expect([...solveSymmetric(new Float64Array(4), 2, new Float64Array(2))]).toEqual([0, 0]);
  });
});
