import { describe, expect, it } from 'vitest';
import { evaluateChebyshev } from './chebyshev.ts';
import type { CompositeSign } from './composite-sign.ts';
import { compositeSign, SIGN_PRECISIONS } from './composite-sign.ts';

function evaluate(sign: CompositeSign, x: number): number {
  return sign.stages.reduce((y, stage) => evaluateChebyshev(stage.coefficients, y / stage.halfWidth), x);
}

/** Half of the points spread logarithmically towards 0, where the error is largest. */
const points = Array.from({ length: 8000 }, (_, i) => (i % 2 === 0 ? 2 ** (-i / 400) : (i + 1) / 8000));

describe('composite sign', () => {
  it.each(SIGN_PRECISIONS)('ReLU built on it is within 2^-α for α = %i', (alpha) => {
    const sign = compositeSign(alpha);
    let relu = 0;
    for (const x of points) {
      relu = Math.max(relu, Math.abs((x + x * evaluate(sign, x)) / 2 - x));
      expect(evaluate(sign, -x)).toBeCloseTo(-evaluate(sign, x), 9);
    }
    expect(relu).toBeLessThanOrEqual(2 ** -alpha);
    // Not by a wide margin: the degrees are the least that do.
    expect(relu).toBeGreaterThan(2 ** -alpha / 2);
  });

  it('states its own error beyond the threshold', () => {
    const sign = compositeSign(10);
    for (const x of points.filter((value) => value >= sign.threshold)) {
      expect(Math.abs(evaluate(sign, x) - 1)).toBeLessThanOrEqual(sign.error * (1 + 1e-9));
    }
  });

  it('is the same every time', () => {
    expect(compositeSign(8)).toEqual(compositeSign(8));
  });

  it('refuses other precisions', () => {
    expect(() => compositeSign(3)).toThrow(/from 4 to 14/);
    expect(() => compositeSign(7.5)).toThrow(RangeError);
  });
});
