import { afterAll, beforeAll, expect, it } from 'vitest';
import { HeError } from '../../../errors.ts';
import type { LinearInstruction } from '../../../program/program.ts';
import { testParameters } from '../../../program/testing/test-parameters.ts';
import { describeBackendContract } from '../testing/contract.ts';
import { describeNative } from '../testing/describe-native.ts';
import { makeNativeUnderTest } from '../testing/native-under-test.ts';
import { rescaleError } from '../testing/rescale-error.ts';
import { NativeBackend } from './backend.ts';

// As for node-seal: the special prime is far above q_0.
const SMALL = testParameters(8192, [46, 38, 38, 38], 54, 38);
const VECTOR = testParameters(8192, [44, 36, 36, 36], 49, 36);
// Two digits of two primes each, covered by two special primes.
const HYBRID = testParameters(8192, [38, 34, 34, 34], [39, 34], 34, 2);
const POLYNOMIALS = [
  ...Array.from({ length: 7 }, (_, i) => ({ degree: i + 1, unitLeading: false })),
  ...[2, 4, 8].map((degree) => ({ degree, unitLeading: true })),
];

describeNative('native contract', () => {
  describeBackendContract({
    name: 'native (N = 8192, 128 bits)',
    parameters: SMALL,
    errorUnit: rescaleError(SMALL),
    polynomials: POLYNOMIALS,
    make: makeNativeUnderTest,
  });
  describeBackendContract({
    name: 'native (N = 8192, primes below 2^50, two threads)',
    parameters: VECTOR,
    errorUnit: rescaleError(VECTOR),
    polynomials: POLYNOMIALS,
    make: (parameters, steps) =>
      makeNativeUnderTest(parameters, steps, { threads: 2, plaintextCacheBytes: 2 ** 28 }),
  });
  describeBackendContract({
    name: 'native (N = 8192, two digits and two special primes)',
    parameters: HYBRID,
    errorUnit: rescaleError(HYBRID),
    polynomials: POLYNOMIALS,
    make: makeNativeUnderTest,
  });
});

describeNative('native refusals', () => {
  let tested: Awaited<ReturnType<typeof makeNativeUnderTest>>;
  const scale = 2 ** 38;
  const slots = new Float64Array(4096).fill(0.5);

  beforeAll(async () => {
    tested = await makeNativeUnderTest(SMALL, [1]);
  });
  afterAll(() => tested[Symbol.dispose]());

  const codeOf = (action: () => unknown): string => {
    try {
      action();
    } catch (error) {
      if (error instanceof HeError) return error.code;
      throw error;
    }
    return 'nothing thrown';
  };

  it('of damaged, misplaced and unencrypted ciphertexts leave nothing behind', () => {
    const { backend } = tested;
    const bytes = tested.encrypt(slots, 3, scale);
    const loaded = backend.load(bytes, 3, scale);
    const whole = backend.store(loaded);
    backend.free(loaded);
    const before = backend.liveHandles;
    expect(codeOf(() => backend.load(bytes.slice(0, -9), 3, scale))).toBe('CIPHERTEXT_INVALID');
    expect(codeOf(() => backend.load(new Uint8Array(), 3, scale))).toBe('CIPHERTEXT_INVALID');
    expect(codeOf(() => backend.load(bytes, 2, scale))).toBe('CIPHERTEXT_INVALID');
    expect(codeOf(() => backend.load(bytes, 3, scale * 2))).toBe('CIPHERTEXT_INVALID');
    const transparent = whole.slice();
    // The second polynomial is the last half of the data: all zeros, so that the first one is the message.
    transparent.fill(0, transparent.length - 4 * SMALL.polyModulusDegree * 8);
    expect(codeOf(() => backend.load(transparent, 3, scale))).toBe('CIPHERTEXT_INVALID');
    const unreduced = whole.slice();
    unreduced.fill(0xff, unreduced.length - 8);
    expect(codeOf(() => backend.load(unreduced, 3, scale))).toBe('CIPHERTEXT_INVALID');
    expect(backend.liveHandles).toBe(before);
  });

  it('of keys for another step, of another kind, or damaged', () => {
    const { backend, secret } = tested;
    expect(codeOf(() => backend.loadRotationKey(2, secret.makeRotationKey(3)))).toBe('KEY_INVALID');
    expect(codeOf(() => backend.loadRotationKey(2, secret.makeRotationKey(2).slice(0, 1000)))).toBe(
      'KEY_INVALID',
    );
    expect(codeOf(() => backend.loadRelinearizationKey(secret.makeRotationKey(3)))).toBe('KEY_INVALID');
  });

  it('of what does not fit the memory allowed, and of insecure parameters', () => {
    expect(
      codeOf(() => {
        using backend = NativeBackend.create(SMALL, { memoryBytes: 2 ** 21 });
        backend.loadRotationKey(1, tested.secret.makeRotationKey(1));
      }),
    ).toBe('MEMORY_EXCEEDED');
    const forged = { ...SMALL, securityLevel: 256 as const };
    expect(codeOf(() => NativeBackend.create(forged, { memoryBytes: 2 ** 30 }))).toBe('PARAMETERS_INSECURE');
  });

  it('of work that was cancelled', () => {
    const cancellation = new Int32Array(new SharedArrayBuffer(4));
    using backend = NativeBackend.create(SMALL, { memoryBytes: 2 ** 30, cancellation });
    const key = tested.secret.makeRotationKey(1);
    const bytes = tested.encrypt(slots, 3, scale);
    cancellation[0] = 1;
    expect(codeOf(() => backend.loadRotationKey(1, key))).toBe('CANCELLED');
    expect(codeOf(() => backend.load(bytes, 3, scale))).toBe('CANCELLED');
    expect(backend.liveHandles).toBe(0);
    cancellation[0] = 0;
    backend.loadRotationKey(1, key);
    backend.free(backend.load(bytes, 3, scale));
  });
});

describeNative('weights that are numbers', () => {
  it('take next to no memory, however many there are', async () => {
    const [inputs, outputs, level, scale] = [32, 32, 3, 2 ** 38];
    // As vectors of every limb they would take 5 · 64 KiB each, 320 MiB in all.
    using tested = await makeNativeUnderTest(SMALL, [], { memoryBytes: 2 ** 27 });
    const weight = (output: number, input: number): number => (1 + output * inputs + input) / 2 ** 15;
    const instruction: LinearInstruction = {
      kind: 'linear',
      layer: 'weights',
      inputs: [0],
      output: 1,
      level,
      plainScales: [Number(SMALL.dataPrimes[level])],
      babies: Array.from({ length: inputs }, (_, source) => ({ source, step: 0, from: -1, via: [] })),
      outputs: Array.from({ length: outputs }, (_, output) => ({
        giants: [
          {
            step: 0,
            into: -1,
            via: [],
            terms: Array.from({ length: inputs }, (__, baby) => ({ baby, diagonal: weight(output, baby) })),
          },
        ],
        reductions: [],
        bias: null,
      })),
    };
    const slots = Float64Array.from({ length: 4096 }, (_, i) => Math.sin(i));
    const { backend } = tested;
    const ciphertexts = Array.from({ length: inputs }, () =>
      backend.load(tested.encrypt(slots, level, scale), level, scale),
    );
    const results = backend.linear(instruction, { ciphertexts, counts: [inputs] }, scale);
    for (const output of [0, outputs - 1]) {
      const decrypted = tested.decrypt(backend.store(results[output]!), level - 1, scale);
      const factor = Array.from({ length: inputs }, (_, input) => weight(output, input)).reduce(
        (a, b) => a + b,
      );
      slots.forEach((slot, i) => expect(decrypted[i]).toBeCloseTo(factor * slot, 5));
    }
    for (const ciphertext of [...ciphertexts, ...results]) backend.free(ciphertext);
  });
});
