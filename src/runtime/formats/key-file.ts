/** A container that holds one key and nothing else. */
import type { ContainerKind } from './container.ts';
import { decodeContainer, encodeContainer, invalid, KIND_NAMES } from './container.ts';
import type { Origin, Setting } from './origin.ts';
import { checkOrigin, originMeta, requireSetting } from './origin.ts';

export interface KeyFile extends Origin {
  /** In SEAL's serialization. */
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
  requireSetting(
    origin,
    expected,
    `${KIND_NAMES[kind]} was`,
    'use a key that was generated for this artifact',
  );
  return { ...origin, bytes };
}
