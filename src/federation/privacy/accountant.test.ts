import { describe, expect, it } from 'vitest';
import { PrivacyAccountant, renyiOfGaussianSum, renyiOfLaplaceSum } from './accountant.ts';

const WIDE = { variance: 16e6, honest: 1, l2: 1000, l1: 1e6, length: 100_000 };

function epsilonAfter(rounds: number, sum: typeof WIDE, delta = 1e-5): number {
  const accountant = new PrivacyAccountant();
  for (let round = 0; round < rounds; round++) accountant.spend(renyiOfGaussianSum(sum));
  return accountant.epsilon(delta);
}

describe('the accountant', () => {
  // Of the Gaussian mechanism with noise multiplier 4: ε by zCDP, optimised over all real orders apart from this code, and the exact one
  // (Balle and Wang, ICML 2018, theorem 8), which no correct accountant goes below.
  it.each([
    [1, 1.012286671, 0.9447],
    [10, 3.61696631, 3.34140947],
    [50, 9.23398298, 8.59586579],
  ])('after %i rounds: zCDP %d, exact %d', (rounds, expected, exact) => {
    const epsilon = epsilonAfter(rounds, WIDE);
    expect(epsilon).toBeGreaterThanOrEqual(expected - 1e-6);
    expect(epsilon).toBeLessThan(expected * 1.001);
    expect(epsilon).toBeGreaterThan(exact);
  });

  it('corrects for sums of discrete Gaussians not being one', () => {
    // σ² = 1, 8 of them: τ by theorem 1, then the least of three bounds by proposition 14.
    const tau = [1, 2, 3, 4, 5, 6, 7].reduce(
      (sum, k) => sum + 10 * Math.exp(-2 * Math.PI ** 2 * (k / (k + 1))),
      0,
    );
    expect(tau).toBeCloseTo(5.2e-4, 4);
    const sum = { variance: 1, honest: 8, l2: 2, l1: 40, length: 1000 };
    const sigma = Math.sqrt(8);
    for (const order of [1.5, 2, 8, 64]) {
      const divergence = renyiOfGaussianSum(sum)(order);
      const without = (order / 2) * (2 / sigma) ** 2;
      expect(divergence).toBeGreaterThan(without);
      expect(divergence).toBeCloseTo(
        Math.min(
          without + tau * 1000,
          (order / 2) * (0.5 + (80 / sigma) * tau + tau ** 2 * 1000),
          (order / 2) * (2 / sigma + tau * Math.sqrt(1000)) ** 2,
        ),
        12,
      );
    }
    // Where σ is that of useful federations, nothing is left of it.
    const wide = { ...WIDE, honest: 8 };
    expect(renyiOfGaussianSum(wide)(2)).toBe(renyiOfGaussianSum({ ...WIDE, variance: 128e6 })(2));
  });

  it('gives pure ε its bounds: its own at large orders, and that of zCDP at small ones', () => {
    const curve = renyiOfLaplaceSum({ scale: 100, l1: 50 });
    expect(curve(1000)).toBe(0.5);
    expect(curve(2)).toBeCloseTo(0.25, 12);
    const accountant = new PrivacyAccountant();
    accountant.spend(curve);
    expect(accountant.epsilon(1e-9)).toBeLessThan(0.53);
  });

  it('costs more with less noise, more rounds, less δ, larger updates and fewer honest ones; nothing before the first round', () => {
    const usual = epsilonAfter(5, WIDE);
    expect(epsilonAfter(0, WIDE)).toBe(0);
    expect(epsilonAfter(6, WIDE)).toBeGreaterThan(usual);
    expect(epsilonAfter(5, WIDE, 1e-6)).toBeGreaterThan(usual);
    expect(epsilonAfter(5, { ...WIDE, variance: 15e6 })).toBeGreaterThan(usual);
    expect(epsilonAfter(5, { ...WIDE, l2: 1001 })).toBeGreaterThan(usual);
    expect(epsilonAfter(5, { ...WIDE, honest: 2 })).toBeLessThan(usual);
    expect(epsilonAfter(1, { ...WIDE, honest: 0 })).toBe(Infinity);
  });

  it.each([0, 1, -1, NaN])('refuses δ = %d', (delta) => {
    expect(() => new PrivacyAccountant().epsilon(delta)).toThrow(/δ/);
  });
});
