/** The secret side, one operation at a time: as separate processes do it. */
import type { Signature } from '../../program/signature.ts';
import type { ClientOptions } from '../encryption/client-options.ts';
import type { CiphertextSet } from '../formats/ciphertext-set.ts';
import type { EvaluationKeys } from '../formats/evaluation-keys.ts';
import { SecretClient } from './secret-client.ts';

/** A new secret key, the public key (each a file of its own kind) and the evaluation keys that go with it. */
export async function generateKeys(
  signature: Signature,
  options: ClientOptions = {},
): Promise<{ secretKey: Uint8Array; publicKey: Uint8Array; evaluationKeys: EvaluationKeys }> {
  await using client = await SecretClient.generate(signature, options);
  return {
    secretKey: client.secretKey,
    publicKey: await client.makePublicKey(),
    evaluationKeys: await client.makeEvaluationKeys(options),
  };
}

/** Row-major output tensors; see `interpretOutputs` for what comes next. */
export async function decryptOutputs(
  signature: Signature,
  secretKey: Uint8Array,
  set: CiphertextSet,
): Promise<Float64Array[]> {
  await using client = await SecretClient.open(signature, secretKey);
  return await client.decrypt(set);
}
