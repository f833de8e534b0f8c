/** Step 0, the local half: a secret key and everything made of it, stored. */
import { requireEncryption } from '../../program/security.ts';
import type { Signature } from '../../program/signature.ts';
import { SecretClient } from '../../runtime/client/secret-client.ts';
import { algorithmId, sealVersion } from '../inference/algorithm-id.ts';
import { toToolError } from '../protocol/translate-error.ts';
import type { KeyStore, StoredKeySet } from './key-store.ts';
import type { SecretClients } from './secret-clients.ts';

export interface KeyOrder {
  readonly clientId: string;
  readonly signature: Signature;
  /** Samples that one evaluation takes. */
  readonly batchSize: number;
}

/** Making keys is the first of two parts of the progress, writing them the second. */
const MAKING = 0.9;

/** The new key set stays open for use. @throws ToolError */
export async function generateKeySet(
  { keys, clients }: { readonly keys: KeyStore; readonly clients: SecretClients },
  { clientId, signature, batchSize }: KeyOrder,
  signal: AbortSignal | undefined,
  progress: (fraction: number) => void,
): Promise<StoredKeySet> {
  try {
    requireEncryption(signature.parameters);
    await keys.requireRoom(clientId, signature);
    const options = { signal, progress: (fraction: number) => progress(MAKING * fraction) };
    const client = await SecretClient.generate(signature, options);
    try {
      const stored = await keys.create({
        clientId,
        signature,
        batchSize,
        algorithmId: algorithmIdOf(signature),
        secretKey: client.secretKey,
        publicKey: await client.makePublicKey(),
        evaluationKeys: await client.makeEvaluationKeys(options),
      });
      clients.adopt(stored, client);
      progress(1);
      return stored;
    } catch (error) {
      await client[Symbol.asyncDispose]();
      throw error;
    }
  } catch (error) {
    throw toToolError(error, 'keys');
  }
}

export function algorithmIdOf(signature: Signature): string {
  return algorithmId(signature, sealVersion());
}
