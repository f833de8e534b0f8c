import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addChebyshev,
  chebyshevPowers,
  evaluateChebyshev,
  evaluateChebyshevAll,
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

  it.each([
    ['every degree', 1],
    ['even degrees only', 2],
  ])('many values at once give what single ones do: %s', (_, step) => {
    const values = Float64Array.from({ length: 600 }, (__, i) => Math.sin(i));
    const series = Array.from({ length: 40 }, (__, k) =>
      k % step !== 0
        ? Float64Array.of(0)
        : k % 3 === 0
          ? values.map((x) => Math.cos(k + x))
          : Float64Array.of(k / 7),
    );
    const results = evaluateChebyshevAll(series, values);
    for (const [e, t] of values.entries()) {
      const own = series.map((entries) => entries[entries.length === 1 ? 0 : e]!);
      expect(results[e]).toBeCloseTo(evaluateChebyshev(own, t), 10);
    }
    expect(Array.from(evaluateChebyshevAll([], values.subarray(0, 2)))).toEqual([0, 0]);
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
