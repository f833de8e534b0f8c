import { describe, expect, it } from 'vitest';
import { exactBounds, normalQuantile, pairedBounds } from './paired-bounds.ts';

/** P(lost, won) of a trinomial distribution, by logarithms. */
function probability(lost: number, won: number, samples: number, p: number, q: number): number {
  const logFactorial = (n: number): number => {
    let sum = 0;
    for (let k = 2; k <= n; k++) sum += Math.log(k);
    return sum;
  };
  const rest = samples - lost - won;
  const power = (base: number, exponent: number): number => (exponent === 0 ? 0 : exponent * Math.log(base));
  return Math.exp(
    logFactorial(samples) -
      logFactorial(lost) -
      logFactorial(won) -
      logFactorial(rest) +
      power(p, lost) +
      power(q, won) +
      power(1 - p - q, rest),
  );
}

describe('pairedBounds', () => {
  it('holds as often as it says, at small counts too', () => {
    const samples = 60;
    for (const error of [0.05, 0.01]) {
      for (const [p, q] of [
        [0.01, 0],
        [0.02, 0.02],
        [0.05, 0.01],
        [0.03, 0.1],
        [0.2, 0.2],
        [0.3, 0.05],
      ] as const) {
        let [above, below] = [0, 0];
        for (let lost = 0; lost <= samples; lost++) {
          for (let won = 0; lost + won <= samples; won++) {
            const chance = probability(lost, won, samples, p, q);
            if (chance < 1e-9) continue;
            const bounds = pairedBounds(lost, won, samples, error);
            if (p - q > bounds.upper) above += chance;
            if (p - q < bounds.lower) below += chance;
          }
        }
        expect(above).toBeLessThan(error);
        expect(below).toBeLessThan(error);
      }
    }
  });

  it('takes nothing lost for little, not for nothing: the rule of three', () => {
    for (const samples of [60, 600, 6000]) {
      const { upper } = pairedBounds(0, 0, samples, 0.05);
      expect(upper * samples).toBeGreaterThan(2.9);
      expect(upper * samples).toBeLessThan(3);
    }
  });

  it('is far narrower than the interval of two independent rates', () => {
    // 1 % wrong either way, five pairs apart: independent rates would leave 0.4 points more possible.
    const { lower, upper } = pairedBounds(5, 0, 2000, 0.05);
    expect(upper).toBeCloseTo(exactBounds(5, 2000, 0.05).upper, 9);
    expect(upper).toBeLessThan(0.0053);
    expect(lower).toBeGreaterThan(0);
  });

  it('is exact for one share', () => {
    // Table values of Clopper and Pearson's limits: 3 of 20, one-sided 95 %.
    const { lower, upper } = exactBounds(3, 20, 0.05);
    expect(lower).toBeCloseTo(0.0422, 4);
    expect(upper).toBeCloseTo(0.3437, 4);
    expect(exactBounds(20, 20, 0.05).upper).toBe(1);
  });
});

it('normalQuantile', () => {
  expect(normalQuantile(0.05)).toBeCloseTo(1.644854, 5);
  expect(normalQuantile(0.0025)).toBeCloseTo(2.807034, 5);
});
