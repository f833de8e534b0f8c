/** Steps 1 and 2: a file of the user → a file of ciphertexts. */
import { basename } from 'node:path';
import { requireInputs } from '../../runtime/encryption/encrypt-inputs.ts';
import { ciphertextSetContainer } from '../../runtime/formats/ciphertext-set.ts';
import { encodeContainer } from '../../runtime/formats/container.ts';
import type { LocalFile } from '../client/upload-file.ts';
import { sha256Of } from '../protocol/identifiers.ts';
import { toToolError } from '../protocol/translate-error.ts';
import type { AllowedPaths } from './allowed-paths.ts';
import type { StoredKeySet } from './key-store.ts';
import { readInput } from './read-input.ts';
import type { SecretClients } from './secret-clients.ts';

const INPUT_FILE = 'input.hect';

export interface EncryptedFile {
  readonly file: LocalFile;
  /** What travels; for callers that ask for it inline. */
  readonly content: Uint8Array;
  readonly notes: readonly string[];
  /** Inputs outside of their range that were let through. */
  readonly warnings: readonly string[];
}

/** Writes a new file under this name, or a like one, and returns its path. */
export interface WriteNew {
  (name: string, bytes: Uint8Array): Promise<string>;
}

/**
 * Encrypts with the secret key: half the bytes and less noise than with the public one.
 * @throws ToolError ERROR_PATH_REFUSED, ERROR_INVALID_INPUT, ERROR_INPUT_OUT_OF_RANGE or ERROR_KEYSTORE_LOCKED
 */
export async function encryptFile(
  { allowed, clients }: { readonly allowed: AllowedPaths; readonly clients: SecretClients },
  keySet: StoredKeySet,
  inputs: readonly string[],
  write: WriteNew,
  allowOutOfRange: boolean,
): Promise<EncryptedFile> {
  const { signature, record } = keySet;
  const { tensors, notes } = await readInput(allowed, inputs, signature, record.batch_size);
  const warnings: string[] = [];
  const options = allowOutOfRange ? { allowOutOfRange: (warning: string) => warnings.push(warning) } : {};
  try {
    // Before a client is opened: one that has thrown is not used again.
    requireInputs(signature, tensors, options);
    const set = await clients.use(keySet, (client) =>
      client.encrypt(tensors, allowOutOfRange ? { allowOutOfRange: () => undefined } : {}),
    );
    const content = encodeContainer(ciphertextSetContainer(set));
    const path = await write(INPUT_FILE, content);
    return {
      file: { fileName: basename(path), path, bytes: content.length, sha256: sha256Of(content) },
      content,
      notes,
      warnings,
    };
  } catch (error) {
    throw toToolError(error, 'ciphertexts');
  }
}
