import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noiseSources } from '../../../compiler/analysis/noise-sources.ts';
import { ERROR_STANDARD_DEVIATION } from '../../../program/security.ts';
import { testParameters } from '../../../program/testing/test-parameters.ts';
import { SealPublicSide } from './public-side.ts';
import { SealSecretSide } from './secret-side.ts';

const N = 8192;
const SCALE = 2 ** 38;
const PARAMETERS = testParameters(N, [46, 38, 38, 38], 54, 38);

let secret: SealSecretSide;
let side: SealPublicSide;
beforeAll(async () => {
  secret = await SealSecretSide.create(PARAMETERS, null);
  side = await SealPublicSide.create(PARAMETERS, secret.makePublicKey());
});
afterAll(() => {
  side[Symbol.dispose]();
  secret[Symbol.dispose]();
});

/** Standard deviation of the error of fresh ciphertexts, over all their slots. */
function measureStd(encrypt: (slots: Float64Array) => Uint8Array, level: number): number {
  const rounds = 4;
  const slots = Float64Array.from({ length: N / 2 }, (_, i) => Math.cos(i));
  let sum = 0;
  for (let round = 0; round < rounds; round++) {
    const decrypted = secret.decrypt(encrypt(slots), level, SCALE);
    decrypted.forEach((value, i) => (sum += (value - slots[i]!) ** 2));
  }
  return Math.sqrt(sum / (rounds * slots.length));
}

describe('public-key encryption with node-seal', () => {
  it.each([3, 1, 0])('has the noise that the forecast assumes, at level %d', (level) => {
    const measured = measureStd((slots) => side.encrypt(slots, level, SCALE), level);
    const ratio = measured / Math.sqrt(noiseSources(PARAMETERS).fresh(SCALE));
    // A slot's variance goes with |s(ζ)|², which scatters: 4096 slots leave some 2 % of uncertainty.
    expect(ratio).toBeGreaterThan(0.9);
    expect(ratio).toBeLessThan(1.1);
  });

  it('is noisier than encryption with the secret key', () => {
    const measured = measureStd((slots) => secret.encrypt(slots, 3, SCALE), 3);
    const expected = Math.sqrt(N * (ERROR_STANDARD_DEVIATION ** 2 / 2 + 1 / 12)) / SCALE;
    expect(measured / expected).toBeGreaterThan(0.95);
    expect(measured / expected).toBeLessThan(1.05);
    expect(expected ** 2).toBeLessThan(noiseSources(PARAMETERS).fresh(SCALE));
  });

  it('encrypts zeros, randomises, and leaves no handle behind', () => {
    const zeros = new Float64Array(N / 2);
    const before = side.liveHandles;
    const first = side.encrypt(zeros, 3, SCALE);
    const second = side.encrypt(zeros, 3, SCALE);
    expect(Buffer.compare(first, second)).not.toBe(0);
    expect(secret.encrypt(zeros, 3, SCALE).length / first.length).toBeCloseTo(0.5, 2);
    expect(side.liveHandles).toBe(before);
  });

  it('refuses what is no public key of these parameters', async () => {
    const key = secret.makePublicKey();
    const other = testParameters(N, [45, 38, 38, 38], 54, 38);
    for (const bytes of [secret.saveSecretKey(), key.slice(0, -9), new Uint8Array(), key.fill(0, 100, 140)]) {
      await expect(SealPublicSide.create(PARAMETERS, bytes)).rejects.toMatchObject({ code: 'KEY_INVALID' });
    }
    await expect(SealPublicSide.create(other, secret.makePublicKey())).rejects.toMatchObject({
      code: 'KEY_INVALID',
    });
  });
});
