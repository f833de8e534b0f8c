import { describe, expect, it } from 'vitest';
import { DiscreteGaussian, discreteLaplace } from './discrete-noise.ts';
import { RandomIntegers, seededBytes } from './random-integers.ts';

const SAMPLES = 1_000_000;

/** Integers from −reach to reach and both tails beyond, each with its probability. */
function distribution(weight: (x: number) => number, reach: number): Float64Array {
  const weights = Float64Array.from({ length: 2 * reach + 1 }, (_, i) => weight(i - reach));
  let total = 0;
  for (let x = 0; x < 60 * (reach + 1); x++) total += (x === 0 ? 1 : 2) * weight(x);
  return weights.map((one) => one / total);
}

/**
 * Pearson's χ² as a standard normal deviate (Wilson and Hilferty 1931), places merged with their neighbours until twenty samples are
 * expected of each.
 */
function deviate(sample: () => number, probabilities: Float64Array): number {
  const reach = (probabilities.length - 1) / 2;
  const counts = new Float64Array(probabilities.length);
  let beyond = 0;
  for (let i = 0; i < SAMPLES; i++) {
    const place = sample() + reach;
    if (place >= 0 && place < counts.length) counts[place]!++;
    else beyond++;
  }
  let [statistic, cells, count, expected] = [0, 0, beyond, SAMPLES];
  for (const probability of probabilities) expected -= SAMPLES * probability;
  const close = (): void => {
    statistic += (count - expected) ** 2 / expected;
    cells++;
    [count, expected] = [0, 0];
  };
  probabilities.forEach((probability, place) => {
    count += counts[place]!;
    expected += SAMPLES * probability;
    if (expected >= 20) close();
  });
  const freedom = cells - 1;
  return ((statistic / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / Math.sqrt(2 / (9 * freedom));
}

describe('discrete noise', () => {
  it.each([1, 9, 2500])('is distributed as exp(−x² / 2σ²): σ² = %i', (variance) => {
    const noise = new DiscreteGaussian(new RandomIntegers(seededBytes(`gaussian ${variance}`)), variance);
    const weight = (x: number): number => Math.exp(-(x ** 2) / (2 * variance));
    const reach = Math.ceil(4 * Math.sqrt(variance));
    expect(Math.abs(deviate(() => noise.sample(), distribution(weight, reach)))).toBeLessThan(3);
  });

  it.each([1, 7, 40])('is distributed as exp(−|x| / scale): scale = %i', (scale) => {
    const random = new RandomIntegers(seededBytes(`laplace ${scale}`));
    const weight = (x: number): number => Math.exp(-Math.abs(x) / scale);
    expect(
      Math.abs(deviate(() => discreteLaplace(random, scale), distribution(weight, 8 * scale))),
    ).toBeLessThan(3);
  });

  it('has the variance that it is asked for, however large', () => {
    const variance = 2 ** 50;
    const noise = new DiscreteGaussian(new RandomIntegers(seededBytes('large')), variance);
    const samples = Array.from({ length: 100_000 }, () => noise.sample());
    const mean = samples.reduce((sum, x) => sum + x, 0) / samples.length;
    const square = samples.reduce((sum, x) => sum + x ** 2, 0) / samples.length;
    // Four standard errors.
    expect(Math.abs(mean)).toBeLessThan(4 * Math.sqrt(variance / samples.length));
    expect(Math.abs(square / variance - 1)).toBeLessThan(4 * Math.sqrt(2 / samples.length));
    expect(samples.every(Number.isSafeInteger)).toBe(true);
  });

  it('is the same from the same seed, and another from another', () => {
    const drawn = (seed: string): number[] => {
      const noise = new DiscreteGaussian(new RandomIntegers(seededBytes(seed)), 10_000);
      return Array.from({ length: 50 }, () => noise.sample());
    };
    expect(drawn('a')).toEqual(drawn('a'));
    expect(drawn('a')).not.toEqual(drawn('b'));
  });

  it.each([0, 0.5, -1, NaN, 2 ** 50 + 1])('refuses a variance of %d', (variance) => {
    expect(() => new DiscreteGaussian(new RandomIntegers(), variance)).toThrow(/variance/);
  });

  it.each([0, 1.5, 2 ** 32 + 1])('refuses a scale of %d', (scale) => {
    expect(() => discreteLaplace(new RandomIntegers(), scale)).toThrow(/scale/);
  });
});
