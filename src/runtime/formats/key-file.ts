/** A container that holds one key and nothing else. */
import { ArtifactError } from '../../errors.ts';
import type { ContainerKind } from './container.ts';
import { decodeContainer, encodeContainer, invalid, KIND_NAMES } from './container.ts';
import type { Origin, Setting } from './origin.ts';
import { checkOrigin, originMeta } from './origin.ts';

export interface KeyFile extends Origin {
  /** The backend's own serialization. */
  readonly bytes: Uint8Array;
}

export type KeyKind = Extract<ContainerKind, 'secret-key' | 'public-key'>;

export function encodeKeyFile(kind: KeyKind, key: KeyFile): Uint8Array {
  return encodeContainer({ kind, meta: originMeta(key), blobs: [key.bytes] });
}

/** @throws ArtifactError CONTAINER_…, SECRET_KEY_REFUSED or PARAMETERS_MISMATCH */
export function parseKeyFile(kind: KeyKind, file: Uint8Array, expected: Setting): KeyFile {
  const { meta, blobs } = decodeContainer(file, kind);
  const origin = checkOrigin(meta);
  const [bytes] = blobs;
  if (bytes === undefined || blobs.length !== 1) throw invalid('it must hold one key');
  if (origin.backend !== expected.backend) {
    throw new ArtifactError(
      'PARAMETERS_MISMATCH',
      `expected a key of the ${expected.backend} backend, found one of ${origin.backend}`,
    );
  }
  if (origin.parametersDigest !== expected.parametersDigest) {
    throw new ArtifactError('PARAMETERS_MISMATCH', `${KIND_NAMES[kind]} made for other parameters`, {
      hint: 'use a key that was generated for this artifact',
    });
  }
  return { ...origin, bytes };
}
