import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DiscreteGaussian } from '../privacy/discrete-noise.ts';
import { RandomIntegers, seededBytes } from '../privacy/random-integers.ts';
import { ExactNorm } from './exact-norm.ts';
import { decodeMean, noisedBlocks, quantisingFactor } from './quantise.ts';
import type { RoundNoise, UpdateForm } from './update-form.ts';
import { checkUpdateForm, quantisedBound, sumShape } from './update-form.ts';

const NONE: RoundNoise = { mechanism: 'none', parameter: 0 };
const code = (name: string): object => expect.objectContaining({ code: `FEDERATION_${name}` }) as object;

async function quantised(
  update: readonly number[],
  form: UpdateForm,
  noise = NONE,
  seed = 's',
): Promise<number[]> {
  const source = (): Float64Array[] => [
    Float64Array.from(update.slice(0, 3)),
    Float64Array.from(update.slice(3)),
  ];
  const blocks: number[] = [];
  for await (const block of noisedBlocks(source, form, noise, new RandomIntegers(seededBytes(seed))))
    blocks.push(...block);
  return blocks;
}

describe('quantising', () => {
  it('rounds what is within the clip, and shortens the rest in its direction', async () => {
    const form: UpdateForm = { length: 4, clip: 10, norm: 'l2', scale: 100 };
    expect(await quantised([1, -0.004, 0.005, -2.5], form)).toEqual([100, 0, 1, -250]);
    const long = await quantised([300, 0, 0, -400], form);
    // 3-4-5, on a norm of 1000 less one for rounding.
    expect(long).toEqual([599, 0, 0, -799]);
  });

  it('never exceeds the bound, whatever is rounded, and stays within half a unit of what it was', async () => {
    const value = fc.oneof(
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.constantFrom(0, 0.5, -0.5, 1e-300, 1e30),
    );
    const property = async (update: number[], clip: number, norm: 'l1' | 'l2'): Promise<void> => {
      const form: UpdateForm = { length: update.length, clip, norm, scale: 2000 };
      const bound = quantisedBound(form);
      const values = await quantised(update, form);
      const exact =
        norm === 'l1'
          ? values.reduce((sum, x) => sum + Math.abs(x), 0)
          : Math.sqrt(values.reduce((sum, x) => sum + x ** 2, 0));
      expect(exact).toBeLessThanOrEqual(bound);
      const factor = await quantisingFactor(() => [Float64Array.from(update)], form);
      values.forEach((x, i) => expect(Math.abs(x - update[i]! * factor)).toBeLessThanOrEqual(0.5));
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(value, { minLength: 4, maxLength: 60 }),
        fc.double({ min: 0.1, max: 100, noNaN: true }),
        fc.constantFrom('l1', 'l2'),
        property,
      ),
      { numRuns: 300, seed: 2 },
    );
  });

  it('adds the noise that it draws, the same from the same bytes', async () => {
    const form: UpdateForm = { length: 6, clip: 10, norm: 'l2', scale: 100 };
    const noise: RoundNoise = { mechanism: 'discrete-gaussian', parameter: 2500 };
    const [one, two, other] = [
      await quantised([1, 2, 3, 0, 0, 0], form, noise),
      await quantised([1, 2, 3, 0, 0, 0], form, noise),
      await quantised([0, 0, 0, 0, 0, 0], form, noise),
    ];
    expect(one).toEqual(two);
    // Drawn after rounding, and whatever the update is: the noise tells nothing of it.
    expect(one.map((x, i) => x - other[i]!)).toEqual([100, 200, 300, 0, 0, 0]);
    const gaussian = new DiscreteGaussian(new RandomIntegers(seededBytes('s')), 2500);
    expect(other).toEqual(Array.from({ length: 6 }, () => gaussian.sample()));
    expect(await quantised([1, 2, 3, 0, 0, 0], form, noise, 't')).not.toEqual(one);
  });

  it.each<[string, readonly number[]]>([
    ['too short', [1, 2, 3]],
    ['too long', [1, 2, 3, 4, 5]],
    ['with what is no number', [1, 2, NaN, 4]],
    ['infinite', [1, 2, Infinity, 4]],
    ['too large for its norm', [1e200, 1, 1, 1]],
  ])('refuses an update that is %s', async (_, update) => {
    const form: UpdateForm = { length: 4, clip: 10, norm: 'l2', scale: 100 };
    await expect(quantised(update, form)).rejects.toThrow(code('UPDATE_INVALID'));
  });

  it('refuses one that grows while it is read', async () => {
    const form: UpdateForm = { length: 4, clip: 10, norm: 'l2', scale: 100 };
    let times = 0;
    const source = (): Float64Array[] => [Float64Array.of(1, 2, 3, times++ === 0 ? 4 : 400)];
    const read = async (): Promise<void> => {
      for await (const block of noisedBlocks(source, form, NONE, new RandomIntegers()))
        expect(block).toHaveLength(4);
    };
    await expect(read()).rejects.toThrow(code('UPDATE_INVALID'));
  });

  it('gives the mean back in units of the model', () => {
    const form: UpdateForm = { length: 2, clip: 10, norm: 'l2', scale: 100 };
    expect([...decodeMean(Int32Array.of(600, -90), form, 3)]).toEqual([2, -0.3]);
  });
});

describe('the norm', () => {
  it('is exact where doubles are not', () => {
    const norm = new ExactNorm('l2');
    const large = new Int32Array(70_000).fill(2 ** 31 - 1);
    norm.add(large);
    norm.add(Int32Array.of(-(2 ** 31), -1, 0, 65_536));
    const total = 70_000n * (2n ** 31n - 1n) ** 2n + 2n ** 62n + 1n + 2n ** 32n;
    const root = BigInt(Math.floor(Math.sqrt(Number(total))));
    const floor = [-2n, -1n, 0n, 1n, 2n]
      .map((d) => root + d)
      .filter((r) => r * r < total)
      .at(-1)!;
    expect(norm.exceeds(Number(floor))).toBe(true);
    expect(norm.exceeds(Number(floor) + 1)).toBe(false);
    const magnitudes = new ExactNorm('l1');
    magnitudes.add(large);
    expect(magnitudes.exceeds(70_000 * (2 ** 31 - 1))).toBe(false);
    expect(magnitudes.exceeds(70_000 * (2 ** 31 - 1) - 1)).toBe(true);
  });
});

describe('a form', () => {
  const form: UpdateForm = { length: 1000, clip: 1, norm: 'l2', scale: 2 ** 20 };
  const gaussian = (parameter: number): RoundNoise => ({ mechanism: 'discrete-gaussian', parameter });
  const laplace = (parameter: number): RoundNoise => ({ mechanism: 'discrete-laplace', parameter });

  it('is refused from where a sum could wrap', () => {
    // 2047 · 2^20 is just below 2^31, 2048 times is not.
    expect(() => checkUpdateForm(form, NONE, 2047)).not.toThrow();
    expect(() => checkUpdateForm(form, NONE, 2048)).toThrow(code('FORM_REFUSED'));
    // Twelve standard deviations of the noise of all count as well.
    const variance = Math.floor((2 ** 21 / 12) ** 2 / 2046);
    expect(() => checkUpdateForm(form, gaussian(variance - 1), 2046)).not.toThrow();
    expect(() => checkUpdateForm(form, gaussian(variance + 1), 2046)).toThrow(code('FORM_REFUSED'));
    const l1: UpdateForm = { ...form, norm: 'l1' };
    expect(() => checkUpdateForm(l1, laplace(2 ** 20), 8)).not.toThrow();
    expect(() => checkUpdateForm(l1, laplace(2 ** 25), 8)).toThrow(code('FORM_REFUSED'));
  });

  it.each<[string, Partial<UpdateForm>, RoundNoise]>([
    ['no elements', { length: 0 }, NONE],
    ['half an element', { length: 1.5 }, NONE],
    ['too many elements', { length: 2 ** 29 + 1 }, NONE],
    ['no clip', { clip: 0 }, NONE],
    ['no bounded clip', { clip: Infinity }, NONE],
    ['no scale', { scale: NaN }, NONE],
    ['units too coarse for its length', { scale: 30 }, NONE],
    ['another norm', { norm: 'l3' as 'l2' }, NONE],
    ['noise that is none', {}, { mechanism: 'none', parameter: 1 }],
    ['another mechanism', {}, { mechanism: 'gaussian' as 'none', parameter: 1 }],
    ['half a variance', {}, gaussian(0.5)],
    ['no scale of noise', { norm: 'l1' }, laplace(0)],
    ['Gaussian noise for L1', { norm: 'l1' }, gaussian(1)],
    ['Laplace noise for L2', {}, laplace(1)],
  ])('with %s is refused', (_, change, noise) => {
    expect(() => checkUpdateForm({ ...form, ...change }, noise, 8)).toThrow(code('FORM_REFUSED'));
  });

  it('tells the ledger both norms', () => {
    expect(sumShape(form, 3)).toEqual({
      length: 1000,
      honest: 3,
      l2: 2 ** 20,
      l1: Math.ceil(Math.sqrt(1000) * 2 ** 20),
    });
    expect(sumShape({ ...form, norm: 'l1' }, 3)).toMatchObject({ l2: 2 ** 20, l1: 2 ** 20 });
  });
});
