import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ArtifactError, BackendError } from '../../../errors.ts';
import { sealKeyBytes } from '../../../program/memory-model.ts';
import { testParameters } from '../../../program/testing/test-parameters.ts';
import { describeBackendContract } from '../testing/contract.ts';
import { rescaleError } from '../testing/rescale-error.ts';
import { SealBackend } from './backend.ts';
import { makeSealUnderTest } from '../testing/seal-under-test.ts';

// The special prime is far above q_0: key-switching noise goes with q_0 / P, and gathers in slots near the root 1.
const SMALL = testParameters(8192, [46, 38, 38, 38], 54, 38);

describeBackendContract({
  name: 'node-seal (N = 8192, 128 bits)',
  parameters: SMALL,
  errorUnit: rescaleError(SMALL),
  polynomials: [
    ...Array.from({ length: 7 }, (_, i) => ({ degree: i + 1, unitLeading: false })),
    ...[2, 4, 8].map((degree) => ({ degree, unitLeading: true })),
  ],
  make: makeSealUnderTest,
});

describe('node-seal refusals', () => {
  let tested: Awaited<ReturnType<typeof makeSealUnderTest>>;
  const scale = 2 ** 38;
  const slots = new Float64Array(4096).fill(0.5);

  beforeAll(async () => {
    tested = await makeSealUnderTest(SMALL, [1]);
  });
  afterAll(() => tested[Symbol.dispose]());

  const codeOf = (action: () => unknown): string => {
    try {
      action();
    } catch (error) {
      if (error instanceof ArtifactError || error instanceof BackendError) return error.code;
      throw error;
    }
    return 'nothing thrown';
  };

  it('of damaged, misplaced and unencrypted ciphertexts leave no handle behind', () => {
    const { backend } = tested;
    const before = backend.liveHandles;
    const bytes = tested.encrypt(slots, 3, scale);
    const truncated = bytes.slice(0, bytes.length - 9);
    expect(codeOf(() => backend.load(truncated, 3, scale))).toBe('CIPHERTEXT_INVALID');
    expect(codeOf(() => backend.load(new Uint8Array(), 3, scale))).toBe('CIPHERTEXT_INVALID');
    expect(codeOf(() => backend.load(bytes, 2, scale))).toBe('CIPHERTEXT_INVALID');
    // Said to be compressed with zstd, in SEAL's header.
    expect(codeOf(() => backend.load(bytes.with(5, 2), 3, scale))).toBe('CIPHERTEXT_INVALID');
    expect(codeOf(() => backend.load(bytes, 3, scale * 2))).toBe('CIPHERTEXT_INVALID');
    expect(backend.liveHandles).toBe(before);
  });

  it('of keys for another step, of another kind, or absent', () => {
    const { backend, secret } = tested;
    const before = backend.liveHandles;
    expect(codeOf(() => backend.loadRotationKey(2, secret.makeGaloisKey(3)))).toBe('KEY_INVALID');
    expect(codeOf(() => backend.loadRotationKey(2, secret.makeGaloisKey(2).slice(0, 1000)))).toBe(
      'KEY_INVALID',
    );
    expect(codeOf(() => backend.loadRelinearizationKey(secret.makeGaloisKey(3)))).toBe('KEY_INVALID');
    expect(backend.liveHandles).toBe(before);
  });

  it('of keys that do not fit the memory allowed, before the heap is touched', async () => {
    const few = 400 * 2 ** 20;
    using backend = await SealBackend.create(SMALL, { heapBytes: few });
    const key = tested.secret.makeGaloisKey(1);
    const heap = backend.memoryBytes();
    let loaded = 0;
    const code = codeOf(() => {
      for (; loaded < 1000; loaded++) backend.loadRotationKey(loaded + 1, key);
    });
    // The second key is for step 1, not 2: refused for that, and its memory is given back.
    expect(code).toBe('KEY_INVALID');
    expect(loaded).toBe(1);
    expect(backend.memoryBytes() - heap).toBeLessThan(16 * sealKeyBytes(SMALL));
    await expect(SealBackend.create(SMALL, { heapBytes: 2 ** 20 })).rejects.toMatchObject({
      code: 'MEMORY_EXCEEDED',
    });
  });

  it('of parameters that claim more security than they have', async () => {
    const forged = { ...SMALL, securityLevel: 256 as const };
    await expect(SealBackend.create(forged)).rejects.toMatchObject({ code: 'PARAMETERS_INSECURE' });
  });

  it('encrypts zeros, at lower levels too', () => {
    const zeros = new Float64Array(4096);
    const decrypted = tested.decrypt(tested.encrypt(zeros, 1, scale), 1, scale);
    expect(Math.max(...decrypted.map(Math.abs))).toBeLessThan(8 * rescaleError(SMALL));
  });
});
