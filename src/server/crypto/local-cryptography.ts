/** The trusted side in this process, for the one-call tool and for `he-compile infer`. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  EncryptionStep,
  LocalCryptography,
  LocalKeys,
  LocalResult,
} from '../client/local-cryptography.ts';
import { requireInputs } from '../../runtime/encryption/encrypt-inputs.ts';
import type { RemoteModel, StepOptions } from '../client/remote-model.ts';
import { ToolError } from '../protocol/error-codes.ts';
import { decodeSignature } from '../protocol/signature-document.ts';
import { toToolError } from '../protocol/translate-error.ts';
import { decryptResult } from './decrypt-file.ts';
import { encryptFile } from './encrypt-file.ts';
import { algorithmIdOf, generateKeySet } from './generate-key-set.ts';
import { signatureDigest } from './key-record.ts';
import type { StoredKeySet } from './key-store.ts';
import { MAX_INPUT_BYTES, readInput } from './read-input.ts';
import type { CryptoServices } from './services.ts';
import { writePrivate } from '../vault/private-files.ts';

export class LocalCryptographyOfServices implements LocalCryptography {
  readonly #services: Pick<CryptoServices, 'keys' | 'clients' | 'allowed'>;
  readonly #clientId: string;

  constructor(services: Pick<CryptoServices, 'keys' | 'clients' | 'allowed'>, clientId: string) {
    this.#services = services;
    this.#clientId = clientId;
  }

  async ensureKeys(
    model: RemoteModel,
    fresh: boolean,
    { signal, progress }: StepOptions,
  ): Promise<LocalKeys> {
    const signature = readSignature(model);
    const { keys, clients } = this.#services;
    const clientId = this.#clientId;
    const choice = { clientId, signatureSha256: signatureDigest(signature, model.batchSize) };
    const order = { clientId, signature, batchSize: model.batchSize };
    return keys.exclusively(clientId, async () => {
      signal?.throwIfAborted();
      const known = fresh ? null : await keys.find(choice);
      if (known !== null) {
        clients.warm(known);
        return localKeys(known, false);
      }
      return localKeys(
        await generateKeySet(this.#services, order, signal, (fraction) => progress?.(fraction)),
        true,
      );
    });
  }

  async fingerprint(inputs: readonly string[]): Promise<string> {
    const hash = createHash('sha256');
    for (const input of inputs) {
      const bytes = await this.#services.allowed.read(input, MAX_INPUT_BYTES);
      hash.update(`${bytes.length}:`).update(bytes);
    }
    return hash.digest('hex');
  }

  async requireInputs(
    model: RemoteModel,
    inputs: readonly string[],
    { allowOutOfRange }: EncryptionStep,
  ): Promise<void> {
    const signature = readSignature(model);
    const { tensors } = await readInput(this.#services.allowed, inputs, signature, model.batchSize);
    try {
      requireInputs(signature, tensors, allowOutOfRange ? { allowOutOfRange: () => undefined } : {});
    } catch (error) {
      throw toToolError(error);
    }
  }

  async encrypt(
    keySet: string,
    inputs: readonly string[],
    folder: string,
    { allowOutOfRange }: EncryptionStep,
  ): ReturnType<LocalCryptography['encrypt']> {
    const stored = await this.#services.keys.get({ clientId: this.#clientId, keySet });
    // Our own folder, where an attempt that broke off may have left a file.
    const write = async (name: string, bytes: Uint8Array): Promise<string> => {
      const path = join(folder, name);
      await writePrivate(path, bytes);
      return path;
    };
    const { file, notes, warnings } = await encryptFile(
      this.#services,
      stored,
      inputs,
      write,
      allowOutOfRange,
    );
    return { files: [file], notes, warnings };
  }

  async decrypt(keySet: string, encrypted: string): Promise<LocalResult> {
    // A file that we wrote ourselves, into our own folder.
    const { result } = await decryptResult(this.#services, this.#clientId, keySet, await readFile(encrypted));
    return result;
  }
}

/** The server's word about its model, checked; keys are made of nothing else. */
function readSignature({
  signature: untrusted,
  algorithmId,
}: RemoteModel): ReturnType<typeof decodeSignature> {
  let signature;
  try {
    signature = decodeSignature(untrusted);
  } catch (error) {
    throw toToolError(error).code === 'ERROR_INTERNAL'
      ? new ToolError('ERROR_REMOTE', 'the server’s description of the model is damaged', { cause: error })
      : toToolError(error);
  }
  const own = algorithmIdOf(signature);
  if (own !== algorithmId) {
    throw new ToolError(
      'ERROR_SCHEME_MISMATCH',
      `the server works with ${algorithmId}, this program with ${own}`,
    );
  }
  return signature;
}

export function localKeys({ record, folder }: StoredKeySet, made: boolean): LocalKeys {
  return {
    keySet: record.key_set,
    made,
    evaluationKeys: record.evaluation_keys.map(({ file_name: fileName, bytes, sha256 }) => ({
      fileName,
      path: join(folder, fileName),
      bytes,
      sha256,
    })),
  };
}
