/** The backend contract with keys and ciphertexts of the native secret side: on node-seal, and with hybrid keys on the engine. */
import { describe, expect, it } from 'vitest';
import type { CkksParameters } from '../../../program/security.ts';
import { testParameters } from '../../../program/testing/test-parameters.ts';
import type { EvaluationBackend } from '../../backend.ts';
import { SealBackend } from '../seal/backend.ts';
import type { BackendUnderTest } from '../testing/contract.ts';
import { describeBackendContract } from '../testing/contract.ts';
import { describeNative } from '../testing/describe-native.ts';
import { rescaleError } from '../testing/rescale-error.ts';
import { NativeBackend } from './backend.ts';
import { NativeSecretSide } from './secret-side.ts';

function underTest<C>(
  parameters: CkksParameters,
  steps: readonly number[],
  backend: EvaluationBackend<C> & { readonly liveHandles: number },
): BackendUnderTest<C> {
  const secret = NativeSecretSide.create(parameters, null, { threads: 2 });
  const top = parameters.dataPrimes.length - 1;
  for (const step of steps) backend.loadRotationKey(step, secret.makeRotationKey(step, top));
  backend.loadRelinearizationKey(secret.makeRelinearizationKey(top));
  return {
    backend,
    encrypt: (slots, level, scale) => secret.encrypt(slots, level, scale),
    decrypt: (bytes, level, scale) => secret.decrypt(bytes, level, scale),
    liveHandles: () => backend.liveHandles,
    [Symbol.dispose]: () => {
      backend[Symbol.dispose]();
      secret[Symbol.dispose]();
    },
  };
}

const SEAL_SHAPED = testParameters(8192, [46, 38, 38, 38], 54, 38);
const TWO_DIGITS = testParameters(8192, [38, 34, 34, 34], [37, 37], 34, 2);
const ONE_DIGIT = testParameters(8192, [38, 30, 30], [38, 38, 38], 30, 1);
const POLYNOMIALS = [2, 3].map((degree) => ({ degree, unitLeading: degree === 2 }));

describeNative('native keys and ciphertexts', () => {
  describeBackendContract({
    name: 'node-seal with native keys',
    parameters: SEAL_SHAPED,
    errorUnit: rescaleError(SEAL_SHAPED),
    polynomials: POLYNOMIALS,
    make: async (parameters, steps) => underTest(parameters, steps, await SealBackend.create(parameters)),
  });

  describe.each([
    ['two digits, two special primes', TWO_DIGITS],
    ['one digit, three special primes', ONE_DIGIT],
  ] as const)('%s', (name, parameters) => {
    describeBackendContract({
      name: `native, ${name}`,
      parameters,
      errorUnit: rescaleError(parameters),
      polynomials: POLYNOMIALS.slice(0, parameters.dataPrimes.length - 2),
      make: async (chosen, steps) =>
        underTest(chosen, steps, NativeBackend.create(chosen, { memoryBytes: 2 ** 31, threads: 2 })),
    });
  });
});

describeNative('seeded ciphertexts', () => {
  // A 64th of the words is not below a multiple of the first prime, and is drawn anew from the end of the stream.
  const PARAMETERS = testParameters(8192, [60, 40, 40], 60, 40);

  it.each([
    ['Blake2xb', 1],
    ['SHAKE256', 2],
  ])('are expanded as node-seal does, by %s', async (_name, generator) => {
    using secret = NativeSecretSide.create(PARAMETERS, null);
    using seal = await SealBackend.create(PARAMETERS);
    using native = NativeBackend.create(PARAMETERS, { memoryBytes: 2 ** 28 });
    for (const level of [2, 1, 0]) {
      const seeded = secret.encrypt(new Float64Array(4096).fill(0.25), level, 2 ** 40);
      // The generator's number stands before the 64 bytes of the seed, which are the last.
      expect(seeded[seeded.length - 65]).toBe(1);
      seeded[seeded.length - 65] = generator;
      const expected = seal.store(seal.load(seeded, level, 2 ** 40));
      const found = native.store(native.load(seeded, level, 2 ** 40));
      expect(found.length).toBeGreaterThan(1.9 * seeded.length);
      expect(Buffer.compare(found, expected)).toBe(0);
    }
  });
});
