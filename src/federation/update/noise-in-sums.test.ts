/** What noise the sum of noised updates has, and what a participant's presence in it can be told by. */
import { describe, expect, it } from 'vitest';
import { epsilonOfRounds, noiseParameter } from '../privacy/calibrate-noise.ts';
import { RandomIntegers, seededBytes } from '../privacy/random-integers.ts';
import { epsilonLowerBound } from '../testing/epsilon-lower-bound.ts';
import { noisedBlocks, noiseSampler } from './quantise.ts';
import type { RoundNoise, UpdateForm } from './update-form.ts';
import { sumShape } from './update-form.ts';

/** Probabilities of the sum of `count` independent noises, by convolution; place `reach` is zero. */
function distributionOfSum(weight: (x: number) => number, count: number, reach: number): Float64Array {
  const weights = Float64Array.from({ length: 2 * reach + 1 }, (_, i) => weight(i - reach));
  const total = weights.reduce((sum, one) => sum + one, 0);
  const single = weights.map((one) => one / total);
  let sum = single;
  for (let i = 1; i < count; i++) {
    const next = new Float64Array(sum.length);
    for (let a = 0; a < sum.length; a++)
      for (let b = Math.max(0, reach - a); b <= Math.min(2 * reach, 3 * reach - a); b++)
        next[a + b - reach]! += sum[a]! * single[b]!;
    sum = next;
  }
  return sum;
}

/** χ² as a normal deviate (Wilson and Hilferty 1931) of places where twenty are expected, and of all others together. */
function deviate(samples: Int32Array, probabilities: Float64Array): number {
  const reach = (probabilities.length - 1) / 2;
  const counts = new Float64Array(probabilities.length);
  for (const sample of samples) if (Math.abs(sample) <= reach) counts[sample + reach]!++;
  let [statistic, cells, restCount, restExpected] = [0, 0, samples.length, samples.length];
  probabilities.forEach((probability, place) => {
    const expected = samples.length * probability;
    if (expected < 20) return;
    statistic += (counts[place]! - expected) ** 2 / expected;
    cells++;
    restCount -= counts[place]!;
    restExpected -= expected;
  });
  if (restExpected > 1) statistic += (restCount - restExpected) ** 2 / restExpected;
  else cells--;
  return ((statistic / cells) ** (1 / 3) - (1 - 2 / (9 * cells))) / Math.sqrt(2 / (9 * cells));
}

/** Sum of the noised updates of `participants` that have nothing to tell. */
async function sumOfNoise(noise: RoundNoise, participants: number, length: number): Promise<Int32Array> {
  const norm = noise.mechanism === 'discrete-laplace' ? 'l1' : 'l2';
  const form: UpdateForm = { length, clip: 1, norm, scale: 4 * length };
  const sum = new Int32Array(length);
  for (let i = 0; i < participants; i++) {
    const random = new RandomIntegers(seededBytes(`participant ${i}`));
    for await (const block of noisedBlocks(() => [new Float32Array(length)], form, noise, random))
      block.forEach((value, at) => (sum[at] = sum[at]! + value));
  }
  return sum;
}

describe('the sum of noised updates', () => {
  it.each<[RoundNoise, number, (x: number) => number]>([
    [{ mechanism: 'discrete-gaussian', parameter: 9 }, 6, (x) => Math.exp(-(x ** 2) / 18)],
    [{ mechanism: 'discrete-gaussian', parameter: 1 }, 3, (x) => Math.exp(-(x ** 2) / 2)],
    [{ mechanism: 'discrete-laplace', parameter: 3 }, 5, (x) => Math.exp(-Math.abs(x) / 3)],
  ])('has the noise of all: %o of %i', async (noise, participants, weight) => {
    const samples = await sumOfNoise(noise, participants, 60_000);
    const probabilities = distributionOfSum(weight, participants, 120);
    expect(Math.abs(deviate(samples, probabilities))).toBeLessThan(3);
    // Of one participant fewer it would not.
    expect(Math.abs(deviate(samples, distributionOfSum(weight, participants - 1, 120)))).toBeGreaterThan(10);
  });
});

/**
 * Membership inference at its best: who attacks knows all other updates, made the one in question as long as it may be, and asks the sum along it.
 * Whatever threshold tells best is used.
 */
function attack(
  noise: RoundNoise,
  form: UpdateForm,
  honest: number,
  trials: number,
): { readonly present: Float64Array; readonly absent: Float64Array } {
  const { l2 } = sumShape(form, honest);
  const worlds = [l2, 0].map((contribution, world) => {
    const draw = noiseSampler(noise, new RandomIntegers(seededBytes(`world ${world}`)))!;
    return Float64Array.from({ length: trials }, () => {
      let sum = contribution;
      for (let i = 0; i < honest; i++) sum += draw();
      return sum;
    });
  });
  return { present: worlds[0]!, absent: worlds[1]! };
}

describe('what a membership attack shows of ε', () => {
  const TRIALS = 40_000;
  const DELTA = 1e-5;
  const HONEST = 4;

  it.each<['discrete-gaussian' | 'discrete-laplace', number, number]>([
    ['discrete-gaussian', 0.5, 0.3],
    ['discrete-gaussian', 1, 0.3],
    ['discrete-gaussian', 4, 0.15],
    ['discrete-laplace', 1, 0.3],
    ['discrete-laplace', 3, 0.2],
  ])(
    'is no more than the accountant says, and not nothing: %s, multiplier %d',
    (mechanism, multiplier, part) => {
      const norm = mechanism === 'discrete-gaussian' ? 'l2' : 'l1';
      const form: UpdateForm = { length: 1, clip: 1, norm, scale: 100 };
      const shape = sumShape(form, HONEST);
      const parameter = noiseParameter(mechanism, multiplier, shape);
      // Of Laplace noise one honest participant's has to do: the others are taken to collude.
      const unknown = mechanism === 'discrete-gaussian' ? HONEST : 1;
      const { present, absent } = attack({ mechanism, parameter }, form, unknown, TRIALS);
      const shown = epsilonLowerBound(present, absent, DELTA, 0.999);
      const promised = epsilonOfRounds(mechanism, parameter, shape, 1, DELTA);
      expect(shown).toBeLessThanOrEqual(promised);
      expect(shown).toBeGreaterThan(part * promised);
    },
  );

  it('gives away noise that is less than was promised', () => {
    const form: UpdateForm = { length: 1, clip: 1, norm: 'l1', scale: 100 };
    const promised = epsilonOfRounds('discrete-laplace', 100, sumShape(form, 1), 1, DELTA);
    const { present, absent } = attack({ mechanism: 'discrete-laplace', parameter: 60 }, form, 1, TRIALS);
    expect(epsilonLowerBound(present, absent, DELTA, 0.999)).toBeGreaterThan(promised);
  });
});
