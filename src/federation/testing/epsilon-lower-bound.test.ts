import { describe, expect, it } from 'vitest';
import { epsilonLowerBound, lowerProportion, upperProportion } from './epsilon-lower-bound.ts';

describe('an exact interval', () => {
  it.each([
    // Of published tables (95 %, two-sided): 5 of 20, 0 of 10, 10 of 10; and where there are many.
    [5, 20, 0.08657, 0.49105],
    [0, 10, 0, 0.3085],
    [10, 10, 0.6915, 1],
    [500, 1000, 0.46855, 0.53145],
  ])('of %i of %i is that of Clopper and Pearson', (successes, trials, low, high) => {
    expect(lowerProportion(successes, trials, 0.025)).toBeCloseTo(low, 4);
    expect(upperProportion(successes, trials, 0.025)).toBeCloseTo(high, 4);
  });
});

describe('the bound on ε', () => {
  const alternating = Float64Array.from({ length: 2000 }, (_, i) => i % 10);

  it('is nothing where the worlds are one', () => {
    expect(epsilonLowerBound(alternating, alternating, 1e-5, 0.99)).toBe(0);
  });

  it('grows with what tells them apart, as far as so many trials can show', () => {
    const shifted = alternating.map((x) => x + 2);
    const apart = alternating.map((x) => x + 100);
    const some = epsilonLowerBound(shifted, alternating, 1e-5, 0.99);
    const all = epsilonLowerBound(apart, alternating, 1e-5, 0.99);
    expect(some).toBeGreaterThan(1);
    expect(all).toBeGreaterThan(some);
    expect(all).toBeLessThan(Math.log(1000));
  });
});
