/** A whole bootstrap on real ciphertexts, in a ring too small to be secure: what is left of the values, and at which level. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { refreshed } from '../../../program/semantics/evaluate-refresh.ts';
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
});
