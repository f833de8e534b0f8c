import { describe, expect, it } from 'vitest';
import { evaluateChebyshev } from './chebyshev.ts';
import { minimax } from './minimax.ts';

describe('minimax', () => {
  // Bernstein: n times the best error of |x| tends to 0.2801…
  it.each([31, 127, 511])('meets the known error of |x| at degree %i', (degree) => {
    const { coefficients, error } = minimax(Math.abs, degree);
    expect(coefficients.length).toBe(degree + 1);
    expect(error * degree).toBeGreaterThan(0.27);
    expect(error * degree).toBeLessThan(0.3);
    let seen = 0;
    for (let i = 0; i <= 5000; i++) {
      const x = (2 * i) / 5000 - 1;
      seen = Math.max(seen, Math.abs(evaluateChebyshev(coefficients, x) - Math.abs(x)));
    }
    expect(seen).toBeLessThan(1.01 * error);
  });

  it('is better than interpolation for a kink', () => {
    const relu = (x: number): number => Math.max(0, x - 0.2);
    expect(minimax(relu, 63).error).toBeLessThan(0.15 / 63);
  });

  it('reaches rounding error for smooth functions and polynomials', () => {
    expect(minimax((x) => Math.exp(3 * x), 31).error).toBeLessThan(1e-12);
    expect(minimax((x) => 2 * x ** 3 - x, 7).error).toBeLessThan(1e-13);
  });

  it('reports the error at a jump', () => {
    expect(minimax((x) => (x > 0.1 ? 1 : 0), 31).error).toBeGreaterThan(0.3);
  });
});
