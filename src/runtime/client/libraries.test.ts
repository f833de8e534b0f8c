/** Clients with and without the native module: the same files, and a clear refusal where node-seal cannot serve. */
import { afterEach, describe, expect, it } from 'vitest';
import type { CkksParameters } from '../../program/security.ts';
import type { Signature } from '../../program/signature.ts';
import { ProgramBuilder } from '../../program/testing/program-builder.ts';
import { signatureOf } from '../../program/testing/signature-of.ts';
import { testParameters } from '../../program/testing/test-parameters.ts';
import { describeNative } from '../backends/testing/describe-native.ts';
import { encryptWithPublicKey } from '../encryption/public-client.ts';
import type { CiphertextSet } from '../formats/ciphertext-set.ts';
import { decryptOutputs, generateKeys } from './operations.ts';
import { SecretClient } from './secret-client.ts';

const N = 8192;

/** A program whose output is its input, after a rotation that makes it need a key. */
function identity(parameters: CkksParameters): Signature {
  const builder = new ProgramBuilder(parameters);
  const x = builder.input(1);
  builder.linear([x], { babies: [{ source: 0, step: 1, from: -1, via: [1] }], outputs: [] });
  return signatureOf(builder.build([x]), parameters);
}

const asOutput = (set: CiphertextSet): CiphertextSet => ({
  ...set,
  tensors: set.tensors.map((tensor) => ({ ...tensor, name: 'y0' })),
});

/** `off` hides the native module from workers started from now on. */
function setNative(state: 'on' | 'off'): void {
  if (state === 'off') process.env['HE_COMPILE_NATIVE'] = 'off';
  else delete process.env['HE_COMPILE_NATIVE'];
}

const initially = process.env['HE_COMPILE_NATIVE'];
afterEach(() => {
  if (initially === undefined) delete process.env['HE_COMPILE_NATIVE'];
  else process.env['HE_COMPILE_NATIVE'] = initially;
});

const values = Float64Array.from({ length: N / 2 }, (_, i) => Math.sin(i));
const maxError = (decrypted: readonly Float64Array[]): number =>
  Math.max(...decrypted[0]!.map((value, i) => Math.abs(value - values[i]!)));

describeNative('keys and ciphertexts of one library open in the other', () => {
  const signature = identity(testParameters(N, [46, 38], 58, 38));
  // Eight deviations of public-key encryption, the noisier one: √(N/12 · (1 + 2N/3)) / scale.
  const tolerance = (8 * Math.sqrt((N / 12) * (1 + (2 * N) / 3))) / 2 ** 38;

  it.each([
    ['on', 'off'],
    ['off', 'on'],
  ] as const)('native %s, then %s', async (first, then) => {
    setNative(first);
    const { secretKey, publicKey, evaluationKeys } = await generateKeys(signature);
    expect(evaluationKeys.rotations.map(({ step, level }) => [step, level])).toEqual([[1, 1]]);
    await using client = await SecretClient.open(signature, secretKey);
    const symmetric = asOutput(await client.encrypt([values]));
    setNative(then);
    const withPublicKey = asOutput(await encryptWithPublicKey(signature, publicKey, [values]));
    for (const set of [symmetric, withPublicKey]) {
      expect(maxError(await decryptOutputs(signature, secretKey, set))).toBeLessThan(tolerance);
      expect(maxError(await client.decrypt(set))).toBeLessThan(tolerance);
    }
  });
});

describe('parameters that only the native module can use', () => {
  const signature = identity(testParameters(N, [46, 38, 38], [45, 42], 38, 2));

  it('are refused with a reason and a hint where it is missing', async () => {
    setNative('off');
    await expect(SecretClient.generate(signature)).rejects.toMatchObject({
      code: 'BACKEND_UNAVAILABLE',
      message: expect.stringMatching(/HE_COMPILE_NATIVE=off.*one special prime, not 2/) as string,
      hint: expect.stringContaining('--backend seal') as string,
    });
  });

  it('and so are arithmetics that do not exist, rather than left to node-seal', async () => {
    process.env['HE_COMPILE_NATIVE_PATH'] = 'avx1024';
    try {
      await expect(
        SecretClient.generate(identity(testParameters(N, [46, 38], 58, 38))),
      ).rejects.toMatchObject({
        code: 'BACKEND_UNAVAILABLE',
        message: expect.stringContaining('avx1024') as string,
      });
    } finally {
      delete process.env['HE_COMPILE_NATIVE_PATH'];
    }
  });
});

describeNative('hybrid parameters', () => {
  const signature = identity(testParameters(N, [46, 38, 38], [45, 42], 38, 2));

  it('serve clients as any others', async () => {
    const { secretKey, publicKey, evaluationKeys } = await generateKeys(signature);
    expect(evaluationKeys.rotations).toHaveLength(1);
    const set = asOutput(await encryptWithPublicKey(signature, publicKey, [values]));
    expect(maxError(await decryptOutputs(signature, secretKey, set))).toBeLessThan(1e-5);
  });
});
