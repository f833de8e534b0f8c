import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noiseSources } from '../../../compiler/analysis/noise-sources.ts';
import { HeError } from '../../../errors.ts';
import type { CkksParameters } from '../../../program/security.ts';
import { ERROR_STANDARD_DEVIATION } from '../../../program/security.ts';
import { testParameters } from '../../../program/testing/test-parameters.ts';
import { SealBackend } from '../seal/backend.ts';
import { SealPublicSide } from '../seal/public-side.ts';
import { SealSecretSide } from '../seal/secret-side.ts';
import { describeNative } from '../testing/describe-native.ts';
import { NativePublicSide } from './public-side.ts';
import { NativeSecretSide } from './secret-side.ts';

const N = 8192;
const SCALE = 2 ** 38;
const SEAL_SHAPED = testParameters(N, [46, 38, 38, 38], 54, 38);
const HYBRID = testParameters(N, [38, 34, 34, 34], [37, 37], 34, 2);
const SLOTS = Float64Array.from({ length: N / 2 }, (_, i) => Math.cos(i));

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof HeError) return error.code;
    throw error;
  }
  return 'nothing thrown';
}

/** Standard deviation of the error of slots. */
function deviation(decrypted: Float64Array, slots: Float64Array = SLOTS): number {
  return Math.sqrt(decrypted.reduce((sum, value, i) => sum + (value - slots[i]!) ** 2, 0) / slots.length);
}

/** Of a fresh symmetric encryption: the errors' and the encoder's rounding, a slot being a sum over N coefficients. */
const FRESH = Math.sqrt((N / 2) * (ERROR_STANDARD_DEVIATION ** 2 + 1 / 12)) / SCALE;

const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

describeNative('the native secret side and node-seal', () => {
  let native: NativeSecretSide;
  let seal: SealSecretSide;
  beforeAll(async () => {
    native = NativeSecretSide.create(SEAL_SHAPED, null, { threads: 2 });
    seal = await SealSecretSide.create(SEAL_SHAPED, native.saveSecretKey());
  });
  afterAll(() => {
    native[Symbol.dispose]();
    seal[Symbol.dispose]();
  });

  it('read each other’s secret keys and write them alike', async () => {
    expect(equalBytes(seal.saveSecretKey(), native.saveSecretKey())).toBe(true);
    using made = await SealSecretSide.create(SEAL_SHAPED, null);
    using reopened = NativeSecretSide.create(SEAL_SHAPED, made.saveSecretKey());
    expect(equalBytes(reopened.saveSecretKey(), made.saveSecretKey())).toBe(true);
    expect(equalBytes(made.saveSecretKey(), native.saveSecretKey())).toBe(false);
  });

  it.each([3, 2, 1, 0])('decrypt each other’s symmetric ciphertexts at level %d', (level) => {
    const fromNative = native.encrypt(SLOTS, level, SCALE);
    const fromSeal = seal.encrypt(SLOTS, level, SCALE);
    expect(fromNative.length).toBe(fromSeal.length);
    const errors = [seal.decrypt(fromNative, level, SCALE), native.decrypt(fromSeal, level, SCALE)].map(
      (slots) => deviation(slots) / FRESH,
    );
    // Over 4096 slots the estimate itself has a relative deviation of 1/64 or so.
    for (const error of errors) {
      expect(error).toBeGreaterThan(0.9);
      expect(error).toBeLessThan(1.1);
    }
    expect(equalBytes(native.encrypt(SLOTS, level, SCALE), fromNative)).toBe(false);
  });

  it('agree on what a ciphertext says, far below its noise', () => {
    const ciphertext = seal.encrypt(SLOTS, 3, SCALE);
    const difference = deviation(native.decrypt(ciphertext, 3, SCALE), seal.decrypt(ciphertext, 3, SCALE));
    expect(difference).toBeLessThan(FRESH / 1e4);
  });

  it.each([3, 1, 0])(
    'encrypt with each other’s public keys at level %d, with the forecast noise',
    async (level) => {
      using nativePublic = NativePublicSide.create(SEAL_SHAPED, seal.makePublicKey());
      using sealPublic = await SealPublicSide.create(SEAL_SHAPED, native.makePublicKey());
      const forecast = Math.sqrt(noiseSources(SEAL_SHAPED).fresh(SCALE));
      for (const bytes of [
        nativePublic.encrypt(SLOTS, level, SCALE),
        sealPublic.encrypt(SLOTS, level, SCALE),
      ]) {
        for (const side of [native, seal]) {
          const error = deviation(side.decrypt(bytes, level, SCALE)) / forecast;
          expect(error).toBeGreaterThan(0.85);
          expect(error).toBeLessThan(1.15);
        }
      }
    },
  );

  it('make evaluation keys of the same size, for the step asked for only', async () => {
    const top = SEAL_SHAPED.dataPrimes.length - 1;
    const rotation = native.makeRotationKey(5, top);
    const relinearization = native.makeRelinearizationKey(top);
    expect(rotation.length).toBe(seal.makeGaloisKey(5).length);
    expect(relinearization.length).toBe(seal.makeRelinearizationKey().length);
    using backend = await SealBackend.create(SEAL_SHAPED);
    backend.loadRotationKey(5, rotation);
    backend.loadRelinearizationKey(relinearization);
    expect(codeOf(() => backend.loadRotationKey(6, rotation))).toBe('KEY_INVALID');
  });

  it('hold the imaginary parts of slots against a limit', () => {
    using other = NativeSecretSide.create(SEAL_SHAPED, null);
    for (const level of [3, 0]) {
      const bytes = native.encrypt(SLOTS, level, SCALE);
      for (const side of [native, seal]) {
        expect(deviation(side.decrypt(bytes, level, SCALE, 1.15 * FRESH)) / FRESH).toBeCloseTo(1, 0);
        expect(codeOf(() => side.decrypt(bytes, level, SCALE, FRESH / 1.15))).toBe('OUTPUT_OUT_OF_RANGE');
      }
      // What comes of a modulus that wraps around is spread over it evenly, as under another key.
      expect(codeOf(() => other.decrypt(bytes, level, SCALE, 1))).toBe('OUTPUT_OUT_OF_RANGE');
      expect(other.decrypt(bytes, level, SCALE)).toHaveLength(N / 2);
    }
  });

  it('refuse damaged and foreign files with the same codes', () => {
    const key = native.saveSecretKey();
    const ciphertext = native.encrypt(SLOTS, 2, SCALE);
    for (const side of [native, seal]) {
      expect(codeOf(() => side.decrypt(ciphertext, 3, SCALE))).toBe('CIPHERTEXT_INVALID');
      expect(codeOf(() => side.decrypt(ciphertext.slice(0, -1), 2, SCALE))).toBe('CIPHERTEXT_INVALID');
      expect(codeOf(() => side.decrypt(key, 2, SCALE))).toBe('CIPHERTEXT_INVALID');
    }
    const open = (bytes: Uint8Array, parameters: CkksParameters = SEAL_SHAPED): string =>
      codeOf(() => NativeSecretSide.create(parameters, bytes));
    expect(open(key.slice(0, -8))).toBe('KEY_INVALID');
    expect(open(ciphertext)).toBe('KEY_INVALID');
    expect(open(key, testParameters(N, [45, 38, 38, 38], 54, 38))).toBe('KEY_INVALID');
    const damaged = key.slice();
    damaged[damaged.length - 100]! ^= 1;
    expect(open(damaged)).toBe('KEY_INVALID');
    expect(codeOf(() => NativePublicSide.create(SEAL_SHAPED, key))).toBe('KEY_INVALID');
  });

  it('say nothing of the key when they refuse it', () => {
    const key = native.saveSecretKey();
    key[key.length - 8]! ^= 1;
    expect(() => NativeSecretSide.create(SEAL_SHAPED, key)).toThrow(
      /^the secret key is not valid: secret key: it is not the same over every prime$/,
    );
  });
});

describeNative('the native secret side with hybrid keys', () => {
  it('round-trips, also with the public key, and through a saved secret key', () => {
    using made = NativeSecretSide.create(HYBRID, null);
    using secret = NativeSecretSide.create(HYBRID, made.saveSecretKey());
    using publicSide = NativePublicSide.create(HYBRID, made.makePublicKey());
    for (const level of [3, 2, 1, 0]) {
      expect(deviation(secret.decrypt(made.encrypt(SLOTS, level, SCALE), level, SCALE)) / FRESH).toBeCloseTo(
        1,
        0,
      );
      const error = deviation(secret.decrypt(publicSide.encrypt(SLOTS, level, SCALE), level, SCALE));
      expect(error / Math.sqrt(noiseSources(HYBRID).fresh(SCALE))).toBeCloseTo(1, 0);
    }
  });

  it('truncates keys to the level of their use', () => {
    using secret = NativeSecretSide.create(HYBRID, null);
    // Level 3: two digits over 4 + 2 primes; level 1: one over 2 + 2; each with its seed in place of the second polynomial.
    const polynomials = (level: number): number => secret.makeRotationKey(1, level).length / (8 * N);
    expect(polynomials(3)).toBeCloseTo(1 + 2 * 6, 1);
    expect(polynomials(1)).toBeCloseTo(1 + 1 * 4, 1);
    expect(secret.makeRelinearizationKey(1).length / (8 * N)).toBeCloseTo(4, 1);
  });

  it('is cancelled by its shared word and shows signs of life', () => {
    const cancellation = new Int32Array(new SharedArrayBuffer(4));
    const heartbeat = new Int32Array(new SharedArrayBuffer(4));
    using secret = NativeSecretSide.create(HYBRID, null, { cancellation, heartbeat });
    const before = Atomics.load(heartbeat, 0);
    secret.makeRotationKey(1, 3);
    expect(Atomics.load(heartbeat, 0)).toBeGreaterThan(before);
    Atomics.store(cancellation, 0, 1);
    expect(codeOf(() => secret.makeRotationKey(1, 3))).toBe('CANCELLED');
    Atomics.store(cancellation, 0, 0);
    expect(secret.makeRotationKey(1, 3).length).toBeGreaterThan(0);
  });

  it('does nothing once disposed', () => {
    const secret = NativeSecretSide.create(HYBRID, null);
    secret[Symbol.dispose]();
    expect(() => secret.saveSecretKey()).toThrow('disposed');
  });
});

describe('insecure parameters', () => {
  it('are refused before any library is asked', () => {
    const insecure = { ...HYBRID, polyModulusDegree: 4096 } as CkksParameters;
    expect(codeOf(() => NativeSecretSide.create(insecure, null))).toBe('PARAMETERS_INSECURE');
    expect(codeOf(() => NativePublicSide.create(insecure, new Uint8Array()))).toBe('PARAMETERS_INSECURE');
  });
});
