/** A whole bootstrap on real ciphertexts, in a ring too small to be secure: what is left of the values, and at which level. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SINE } from '../../../program/semantics/evaluate-sine.ts';
import { refreshed } from '../../../program/semantics/evaluate-refresh.ts';
import { REFRESH_STEPS } from '../../../program/semantics/refresh-plan.ts';
import { irwinHallTail } from '../../../program/testing/irwin-hall.ts';
import { describeNative } from '../testing/describe-native.ts';
import { BootstrapParty, type BootstrapChain } from './testing/bootstrap-party.ts';

const CHAIN: BootstrapChain = {
  polyModulusDegree: 2048,
  dataBits: [38, 31, 31, 36, 36, 42, 43, 41, 41, 41, 41, 41, 41, 41, 41],
  specialBits: [43, 43, 43, 43],
  dnum: 4,
  down: [5, 5].map((stages) => ({ stages, babies: 8 })),
  up: [3, 3, 4].map((stages) => ({ stages, babies: 4 })),
  scaleBits: 36,
  raisedBits: 41,
  ratio: 4,
  weight: 40,
};

describeNative('a bootstrap', () => {
  let party: BootstrapParty;
  beforeAll(() => {
    party = new BootstrapParty(CHAIN, 2);
  });
  afterAll(() => party[Symbol.dispose]());

  it.each([
    ['any', (i: number): number => 0.75 * Math.sin(1.3 * i * i)],
    ['constant', (): number => 0.5],
    ['one of them', (i: number): number => (i === 5 ? 0.75 : 0)],
    ['extreme', (i: number): number => (i % 3 === 0 ? -0.75 : 0.75)],
  ])('leaves the sine of the values (%s), above the level that it began at', (_name, valueOf) => {
    const z = Float64Array.from({ length: party.slotCount }, (_, i) => valueOf(i));
    const input = party.encrypt(z);
    const output = party.refresh(input);
    expect(party.engine.describe(output)[0]).toBe(3);
    expect(party.engine.describe(input)[0]).toBe(2);
    const errors = party.decrypt(output).map((s, i) => s - refreshed(z[i]!, CHAIN.ratio));
    const rms = Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / errors.length);
    // The forecast is 22.9 bits for this ring and these primes; values that are all the same have 22.5, give or take 0.1 by the keys.
    expect(Math.abs(-Math.log2(rms) - 22.9)).toBeLessThan(1);
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(48 * rms);
    party.engine.free(output);
    party.engine.free(input);
    expect(party.engine.status()[0]).toBe(0);
  });

  it('tells what each step has taken so far, without what is done between them', () => {
    const PAUSE_MS = 50;
    const total = (): number => party.stepsMs().reduce((sum, { ms }) => sum + ms, 0);
    const before = total();
    const input = party.encrypt(new Float64Array(party.slotCount));
    const start = performance.now();
    const output = party.refresh(input, () => {
      const until = performance.now() + PAUSE_MS;
      while (performance.now() < until);
    });
    const elapsed = performance.now() - start;
    expect(party.stepsMs().map(({ step }) => step)).toEqual(REFRESH_STEPS);
    for (const { ms } of party.stepsMs()) expect(ms).toBeGreaterThan(0);
    expect(total()).toBeGreaterThan(before);
    expect(total() - before).toBeLessThan(elapsed - (REFRESH_STEPS.length - 0.5) * PAUSE_MS);
    party.engine.free(output);
    party.engine.free(input);
  });
});

/**
 * c1 is uniform modulo q_0, so that for an encryption of zero I is the sum of `weight` uniform numbers in ±1/2, rounded. Weights and
 * bounds at which overflows are seen often; in use the weight is 40 and the bound 16, which no test will see.
 */
describeNative('raising the modulus', () => {
  const REFRESHES = 16;

  function overflowsUnder(weight: number): Float64Array[] {
    using party = new BootstrapParty({ ...CHAIN, weight }, 2);
    const zeros = new Float64Array(party.slotCount);
    return Array.from({ length: REFRESHES }, () => {
      const overflows: Float64Array[] = [];
      const input = party.encrypt(zeros);
      const output = party.refresh(input, (step, left) => {
        if (step === 'coefficients to slots') overflows.push(party.decrypt(left).map((x) => x * SINE.range));
      });
      party.engine.free(output);
      party.engine.free(input);
      return overflows[0]!;
    });
  }

  it.each([
    [64, [4, 6, 8]],
    [128, [6, 8, 10]],
    [192, [8, 10, 12]],
  ])('overflows by integers, as often as %i uniform numbers do', (weight, bounds) => {
    const found = overflowsUnder(weight).flatMap((each) => [...each]);
    const overflows = found.map(Math.round);
    expect(found.length).toBe((REFRESHES * CHAIN.polyModulusDegree) / 2);
    expect(Math.max(...found.map((t, i) => Math.abs(t - overflows[i]!)))).toBeLessThan(2 ** -16);
    // Six standard deviations: one run in 10^8 fails by chance.
    const variance = overflows.reduce((sum, each) => sum + each * each, 0) / found.length;
    expect(Math.abs(variance / ((weight + 1) / 12) - 1)).toBeLessThan(6 * Math.sqrt(2 / found.length));
    for (const bound of bounds) {
      const expected = 2 * irwinHallTail(weight, bound - 0.5) * found.length;
      const seen = overflows.filter((overflow) => Math.abs(overflow) >= bound).length;
      expect(Math.abs(seen - expected)).toBeLessThan(6 * Math.sqrt(expected));
    }
  });
});
