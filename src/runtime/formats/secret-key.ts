/** A secret key on file: a kind of its own, which everything but the secret side refuses. */
import type { KeyFile } from './key-file.ts';
import { encodeKeyFile, parseKeyFile } from './key-file.ts';
import type { Setting } from './origin.ts';

export function encodeSecretKey(key: KeyFile): Uint8Array {
  return encodeKeyFile('secret-key', key);
}

/** @throws ArtifactError */
export function parseSecretKey(file: Uint8Array, expected: Setting): KeyFile {
  return parseKeyFile('secret-key', file, expected);
}
