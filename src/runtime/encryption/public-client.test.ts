import { beforeAll, describe, expect, it } from 'vitest';
import { testParameters } from '../../program/testing/test-parameters.ts';
import { rescaleError } from '../backends/testing/rescale-error.ts';
import { decryptOutputs, generateKeys } from '../client/operations.ts';
import { Evaluator } from '../evaluation/evaluator.ts';
import { maxError, smallNetwork } from '../evaluation/testing/small-network.ts';
import { encodeCiphertextSet, parseCiphertextSet } from '../formats/ciphertext-set.ts';
import { encodeEvaluationKeys, parseEvaluationKeys } from '../formats/evaluation-keys.ts';
import { encryptWithPublicKey, PublicClient } from './public-client.ts';

const parameters = testParameters(8192, [44, 28, 28, 28, 28], 58, 28);
const network = smallNetwork(parameters);
const { signature } = network;
/** Eight deviations of one rescale, times what the layers can amplify: a product of sums of some ten terms. */
const TOLERANCE = 8 * 20 * rescaleError(parameters);

describe('inference with a public key, each step on the bytes of the one before', () => {
  let files: { secretKey: Uint8Array; publicKey: Uint8Array; evaluationKeys: Uint8Array };
  beforeAll(async () => {
    const { secretKey, publicKey, evaluationKeys } = await generateKeys(signature);
    files = {
      secretKey,
      publicKey,
      evaluationKeys: encodeEvaluationKeys(evaluationKeys),
    };
  }, 120_000);

  it('gives what the network says', async () => {
    const input = encodeCiphertextSet(await encryptWithPublicKey(signature, files.publicKey, network.inputs));
    await using evaluator = await Evaluator.create(network, parseEvaluationKeys(files.evaluationKeys), {
      backend: 'seal',
      threads: 1,
    });
    const { outputs } = await evaluator.evaluate(parseCiphertextSet(input));
    const output = encodeCiphertextSet(outputs);
    const decrypted = await decryptOutputs(signature, files.secretKey, parseCiphertextSet(output));
    expect(maxError(decrypted, network.expected)).toBeLessThan(TOLERANCE);
    expect(maxError(decrypted, network.expected)).toBeGreaterThan(0);
  });

  it('refuses to mix files of two key pairs, wherever they meet', async () => {
    const other = await generateKeys(signature);
    const mismatch = { code: 'KEY_SET_MISMATCH' };
    await using evaluator = await Evaluator.create(network, parseEvaluationKeys(files.evaluationKeys), {
      backend: 'seal',
      threads: 1,
    });
    const foreign = parseCiphertextSet(
      encodeCiphertextSet(await encryptWithPublicKey(signature, other.publicKey, network.inputs)),
    );
    const own = await encryptWithPublicKey(signature, files.publicKey, network.inputs);
    await expect(evaluator.evaluate(foreign)).rejects.toMatchObject(mismatch);
    await expect(evaluator.evaluateMany([own, foreign])).rejects.toMatchObject(mismatch);
    const { outputs } = await evaluator.evaluate(own);
    expect(outputs.keySet).toBe(own.keySet);
    await expect(decryptOutputs(signature, other.secretKey, outputs)).rejects.toMatchObject(mismatch);
  });

  it('checks inputs as any encryption does, and works on afterwards', async () => {
    await using client = await PublicClient.open(signature, files.publicKey);
    await expect(client.encrypt([])).rejects.toMatchObject({ code: 'INPUT_SHAPE' });
    const { tensors } = await client.encrypt(network.inputs);
    expect(tensors.map(({ ciphertexts }) => ciphertexts.length)).toEqual([2]);
  });

  it('refuses keys of other kinds, of other parameters, and damaged ones', async () => {
    const open = (key: Uint8Array): Promise<PublicClient> => PublicClient.open(signature, key);
    await expect(open(files.secretKey)).rejects.toMatchObject({ code: 'SECRET_KEY_REFUSED' });
    await expect(open(files.evaluationKeys)).rejects.toMatchObject({ code: 'CONTAINER_KIND' });
    await expect(open(files.publicKey.slice(0, -1))).rejects.toMatchObject({ code: 'CONTAINER_INVALID' });
    const other = { ...signature, parameters: testParameters(8192, [43, 28, 28, 28, 28], 58, 28) };
    await expect(PublicClient.open(other, files.publicKey)).rejects.toMatchObject({
      code: 'PARAMETERS_MISMATCH',
    });
    const none = { scheme: 'ckks' as const, parametersDigest: '', keySet: null, tensors: [] };
    await expect(decryptOutputs(signature, files.publicKey, none)).rejects.toMatchObject({
      code: 'CONTAINER_KIND',
    });
  });

  it('refuses programs compiled for the clear only', async () => {
    const cleartext = { ...signature, parameters: { ...parameters, scheme: 'cleartext' as const } };
    await expect(PublicClient.open(cleartext, files.publicKey)).rejects.toMatchObject({
      code: 'CLEARTEXT_ONLY',
    });
  });

  it('can be cancelled before it starts', async () => {
    const options = { signal: AbortSignal.abort() };
    await expect(PublicClient.open(signature, files.publicKey, options)).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });
});
