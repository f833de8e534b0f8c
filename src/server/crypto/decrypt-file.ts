/** Steps 5 and 6: an encrypted result → what the model says, rounded before anybody sees it. */
import { interpretOutputs } from '../../runtime/client/interpret-outputs.ts';
import { parseCiphertextSet } from '../../runtime/formats/ciphertext-set.ts';
import type { LocalResult, LocalTensor } from '../client/local-cryptography.ts';
import { ToolError } from '../protocol/error-codes.ts';
import { toToolError } from '../protocol/translate-error.ts';
import { boundedPrecision } from './bounded-precision.ts';
import type { KeyStore, StoredKeySet } from './key-store.ts';
import type { SecretClients } from './secret-clients.ts';

/** Outputs are few ciphertexts at a low level. */
export const MAX_RESULT_BYTES = 512 * 2 ** 20;

/**
 * @param keySet asked for; null takes the one that the ciphertexts name, of this client
 * @throws ToolError ERROR_INVALID_CIPHERTEXT, ERROR_KEY_SET_MISMATCH, ERROR_UNKNOWN_KEY or ERROR_KEYSTORE_LOCKED
 */
export async function decryptResult(
  { keys, clients }: { readonly keys: KeyStore; readonly clients: SecretClients },
  clientId: string,
  keySet: string | null,
  bytes: Uint8Array,
): Promise<{ result: LocalResult; keySet: StoredKeySet }> {
  try {
    const set = parseCiphertextSet(bytes);
    if (set.keySet === null) throw new ToolError('ERROR_INVALID_CIPHERTEXT', 'the file holds no ciphertexts');
    const stored = await keys.get({ clientId, keySet: keySet ?? set.keySet });
    const decrypted = await clients.use(stored, (client) => client.decrypt(set));
    return { result: interpret(stored, decrypted), keySet: stored };
  } catch (error) {
    throw toToolError(error, 'ciphertexts');
  }
}

/** Of a batch, the first sample, which is the one that was encrypted. */
function interpret(
  { signature: claimed, record }: StoredKeySet,
  decrypted: readonly Float64Array[],
): LocalResult {
  const signature = boundedPrecision(claimed);
  const outputs = interpretOutputs(signature, decrypted).map(({ name, shape, values }): LocalTensor => {
    const batch = shape[0] !== undefined && shape[0] % record.batch_size === 0 ? record.batch_size : 1;
    const sampleShape = batch === 1 ? shape : [shape[0]! / batch, ...shape.slice(1)];
    return { name, shape: [...sampleShape], data: [...values.slice(0, values.length / batch)] };
  });
  const [first] = outputs;
  const operators = signature.outputs[0]?.clientOperators.map(({ op }) => op) ?? [];
  return {
    outputs,
    labels: signature.labels,
    winner: first === undefined ? null : winnerOf(first, operators),
    scheme: signature.parameters.scheme.toUpperCase(),
    precisionBits: Math.min(...signature.outputs.map(({ precisionBits }) => precisionBits)),
  };
}

/** The position of the largest score where exactly one axis is longer than 1, or the value of a model that ends in ArgMax. */
function winnerOf({ shape, data }: LocalTensor, operators: readonly string[]): number | null {
  if (operators.includes('ArgMax')) return data.length === 1 ? Math.round(data[0]!) : null;
  if (shape.filter((extent) => extent > 1).length !== 1) return null;
  return data.reduce((best, value, i) => (value > data[best]! ? i : best), 0);
}
