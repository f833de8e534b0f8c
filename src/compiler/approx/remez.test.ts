import { describe, expect, it } from 'vitest';
import { evaluateChebyshev } from './chebyshev.ts';
import { one, remez } from './remez.ts';

function maxError(
  { center, halfWidth, coefficients }: ReturnType<typeof remez>,
  target: (x: number) => number,
  lower: number,
  upper: number,
): number {
  let largest = 0;
  for (let i = 0; i <= 5000; i++) {
    const x = lower + ((upper - lower) * i) / 5000;
    largest = Math.max(
      largest,
      Math.abs(evaluateChebyshev(coefficients, (x - center) / halfWidth) - target(x)),
    );
  }
  return largest;
}

describe('Remez exchange', () => {
  it('finds the known best approximation of exp on [-1, 1] by a cubic', () => {
    const best = remez({ lower: -1, upper: 1, degree: 3, odd: false, target: (x) => x.exp() });
    expect(best.error).toBeCloseTo(0.005528, 6);
    expect(maxError(best, Math.exp, -1, 1)).toBeCloseTo(best.error, 7);
  });

  it('approximates on an interval that is not centred', () => {
    const best = remez({ lower: 2, upper: 5, degree: 6, odd: false, target: (x) => x.ln() });
    expect(maxError(best, Math.log, 2, 5)).toBeCloseTo(best.error, 9);
    expect(best.error).toBeLessThan(1e-4);
  });

  it('x ↦ x on two intervals: the best odd linear sign is 2x / (a + b), error (b − a) / (a + b)', () => {
    const best = remez({ lower: 0.5, upper: 1, degree: 1, odd: true, target: one });
    expect(best.coefficients[1]).toBeCloseTo(4 / 3, 12);
    expect(best.error).toBeCloseTo(1 / 3, 12);
  });

  it('equioscillates for sign close to zero', () => {
    const best = remez({ lower: 2 ** -8, upper: 1, degree: 15, odd: true, target: one });
    const measured = maxError(best, () => 1, 2 ** -8, 1);
    expect(measured).toBeLessThanOrEqual(best.error * (1 + 1e-9));
    expect(measured).toBeGreaterThan(best.error * 0.999);
    expect(best.coefficients.filter((_, k) => k % 2 === 0).every((c) => c === 0)).toBe(true);
  });

  it('refuses even degrees and intervals through zero for odd approximation', () => {
    expect(() => remez({ lower: 0.1, upper: 1, degree: 4, odd: true, target: one })).toThrow(RangeError);
    expect(() => remez({ lower: 0, upper: 1, degree: 3, odd: true, target: one })).toThrow(RangeError);
  });
});
