/** A secret key on file: a kind of its own, which everything but decryption refuses. */
import { ArtifactError } from '../../errors.ts';
import { decodeContainer, encodeContainer, invalid } from './container.ts';
import type { Origin } from './origin.ts';
import { checkOrigin, originMeta } from './origin.ts';

export interface SecretKeyFile extends Origin {
  readonly bytes: Uint8Array;
}

export function encodeSecretKey(key: SecretKeyFile): Uint8Array {
  return encodeContainer({ kind: 'secret-key', meta: originMeta(key), blobs: [key.bytes] });
}

/** @throws ArtifactError */
export function parseSecretKey(file: Uint8Array, parametersDigest: string): SecretKeyFile {
  const { meta, blobs } = decodeContainer(file, 'secret-key');
  const origin = checkOrigin(meta);
  const [bytes] = blobs;
  if (bytes === undefined || blobs.length !== 1) throw invalid('it must hold one key');
  if (origin.parametersDigest !== parametersDigest) {
    throw new ArtifactError('PARAMETERS_MISMATCH', 'the secret key was made for other parameters');
  }
  return { ...origin, bytes };
}
