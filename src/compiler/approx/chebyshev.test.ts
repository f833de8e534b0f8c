import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addChebyshev,
  chebyshevPowers,
  evaluateChebyshev,
  largestMagnitude,
  multiplyChebyshev,
} from './chebyshev.ts';

const coefficients = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 12 });
const points = fc.double({ min: -1, max: 1, noNaN: true });

describe('Chebyshev basis', () => {
  it('is cos(k arccos t)', () => {
    for (const t of [-1, -0.3, 0, 0.7, 1]) {
      const powers = chebyshevPowers(t, 9, new Float64Array(10));
      for (let k = 0; k <= 9; k++) expect(powers[k]).toBeCloseTo(Math.cos(k * Math.acos(t)), 12);
    }
  });

  it('Clenshaw equals the sum of the powers, offsets included', () => {
    fc.assert(
      fc.property(coefficients, points, (c, t) => {
        const powers = chebyshevPowers(t, c.length - 1, new Float64Array(c.length));
        const sum = c.reduce((total, value, k) => total + value * powers[k]!, 0);
        expect(evaluateChebyshev([99, 99, ...c, 99], t, 2, c.length - 1)).toBeCloseTo(sum, 9);
      }),
    );
  });

  it('multiplies and adds as functions do', () => {
    fc.assert(
      fc.property(coefficients, coefficients, points, (a, b, t) => {
        const [f, g] = [Float64Array.from(a), Float64Array.from(b)];
        const [x, y] = [evaluateChebyshev(f, t), evaluateChebyshev(g, t)];
        expect(evaluateChebyshev(multiplyChebyshev(f, g), t)).toBeCloseTo(x * y, 8);
        expect(evaluateChebyshev(addChebyshev(f, g, -3), t)).toBeCloseTo(x - 3 * y, 9);
      }),
    );
  });

  it('finds the largest magnitude at an end or inside', () => {
    expect(largestMagnitude([0, 0, 0, 2])).toBeCloseTo(2, 12);
    expect(largestMagnitude([1, 0, -1])).toBeCloseTo(2, 12);
  });
});
