import { describe, expect, it } from 'vitest';
import { chebyshevPowers, evaluateChebyshev, largestMagnitude } from './chebyshev.ts';
import {
  ChebyshevMoments,
  combine,
  FeatureMoments,
  LEADING_FLOOR,
  solveNormalEquations,
  solveWithLeadingFloor,
} from './least-squares.ts';

const grid = Array.from({ length: 401 }, (_, i) => i / 200 - 1);

function momentsOf(f: (t: number) => number, degree: number, weight = 1): ChebyshevMoments {
  const moments = new ChebyshevMoments(degree);
  for (const t of grid) moments.add(t, f(t), weight);
  return moments;
}

describe('least squares', () => {
  it('recovers a polynomial exactly', () => {
    const c = [0.5, -1, 2, 0.25, 1.5];
    const solution = solveNormalEquations(momentsOf((t) => evaluateChebyshev(c, t), 4).equations());
    for (const [k, value] of c.entries()) expect(solution[k]).toBeCloseTo(value, 9);
  });

  it('moments give the same Gram matrix as explicit features', () => {
    const features = new FeatureMoments(6);
    for (const t of grid) features.add(chebyshevPowers(t, 5, new Float64Array(6)), Math.exp(t), 0.5);
    const [a, b] = [momentsOf(Math.exp, 5, 0.5).equations(), features.equations()];
    for (let i = 0; i < 36; i++) expect(a.gram[i]).toBeCloseTo(b.gram[i]!, 9);
    for (let i = 0; i < 6; i++) expect(a.cross[i]).toBeCloseTo(b.cross[i]!, 9);
  });

  it('fits ReLU as well as a quadratic can', () => {
    const relu = (t: number): number => Math.max(t, 0);
    const solution = solveNormalEquations(momentsOf(relu, 2).equations());
    const rms = Math.sqrt(
      grid.reduce((sum, t) => sum + (evaluateChebyshev(solution, t) - relu(t)) ** 2, 0) / grid.length,
    );
    // By Legendre projection over [-1, 1] the mean square error is 1/768.
    expect(rms).toBeCloseTo(Math.sqrt(1 / 768), 3);
  });

  it('a small uniform part tames the polynomial where there is no data', () => {
    const seen = new ChebyshevMoments(8);
    for (const t of grid) seen.add(t * 0.3, Math.max(t * 0.3, 0));
    const wild = largestMagnitude(solveNormalEquations(seen.equations()));
    const uniform = momentsOf((t) => Math.max(t, 0), 8, 1 / grid.length).equations();
    const tame = largestMagnitude(
      solveNormalEquations(combine(seen.equations(), uniform, 0.02 * grid.length)),
    );
    expect(wild).toBeGreaterThan(5);
    expect(tame).toBeLessThan(1.5);
  });
});

describe('leading floor', () => {
  const isAboveFloor = (solution: Float64Array): boolean =>
    Math.abs(solution[solution.length - 1]!) >= LEADING_FLOOR * largestMagnitude(solution);

  it('leaves a solution alone that respects it', () => {
    const equations = momentsOf((t) => Math.max(t, 0), 4).equations();
    expect(solveWithLeadingFloor(equations, 0)).toEqual(solveNormalEquations(equations));
  });

  it('raises a vanishing leading coefficient and refits the others', () => {
    const equations = momentsOf((t) => 3 * t + 1, 4).equations();
    const solution = solveWithLeadingFloor(equations, 0);
    expect(isAboveFloor(solution)).toBe(true);
    for (const t of grid) expect(Math.abs(evaluateChebyshev(solution, t) - (3 * t + 1))).toBeLessThan(0.05);
  });

  it('keeps a dead channel invertible', () => {
    const solution = solveWithLeadingFloor(momentsOf(() => 0, 2).equations(), 1e-3);
    expect(Math.abs(solution[2]!)).toBeGreaterThanOrEqual(LEADING_FLOOR * 1e-3);
    expect(largestMagnitude(solution)).toBeLessThan(1e-5);
  });
});
