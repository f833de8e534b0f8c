/** A public key on file: encrypts, and neither evaluates nor decrypts. */
import type { KeyFile } from './key-file.ts';
import { encodeKeyFile, parseKeyFile } from './key-file.ts';
import type { Setting } from './origin.ts';

export function encodePublicKey(key: KeyFile): Uint8Array {
  return encodeKeyFile('public-key', key);
}

/** @throws ArtifactError, SECRET_KEY_REFUSED among others */
export function parsePublicKey(file: Uint8Array, expected: Setting): KeyFile {
  return parseKeyFile('public-key', file, expected);
}
