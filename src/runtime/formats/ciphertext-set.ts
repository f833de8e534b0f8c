/** The encrypted inputs or outputs of one inference. */
import { ArtifactError } from '../../errors.ts';
import type { Container } from './container.ts';
import { decodeContainer, encodeContainer, invalid, isCount, isRecord } from './container.ts';
import type { Origin, Setting } from './origin.ts';
import { checkOrigin, originMeta, requireSetting } from './origin.ts';

export interface EncryptedTensor {
  readonly name: string;
  readonly level: number;
  readonly scale: number;
  /** In SEAL's serialization; in the clear little-endian float64 slots, not encrypted at all. */
  readonly ciphertexts: readonly Uint8Array[];
}

export interface CiphertextSet extends Origin {
  readonly tensors: readonly EncryptedTensor[];
}

export function ciphertextSetContainer(set: CiphertextSet): Container {
  const tensors = set.tensors.map(({ name, level, scale, ciphertexts }) => ({
    name,
    level,
    scale,
    ciphertexts: ciphertexts.length,
  }));
  const blobs = set.tensors.flatMap((tensor) => tensor.ciphertexts);
  return { kind: 'ciphertexts', meta: { ...originMeta(set), tensors }, blobs };
}

/** The bytes that `parseCiphertextSet` reads. */
export function encodeCiphertextSet(set: CiphertextSet): Uint8Array {
  return encodeContainer(ciphertextSetContainer(set));
}

/** @throws ArtifactError, SECRET_KEY_REFUSED among others */
export function parseCiphertextSet(bytes: Uint8Array): CiphertextSet {
  const { meta, blobs } = decodeContainer(bytes, 'ciphertexts');
  if (!Array.isArray(meta['tensors'])) throw invalid('its list of tensors is missing');
  let next = 0;
  const tensors = meta['tensors'].map((entry: unknown): EncryptedTensor => {
    if (!isRecord(entry)) throw invalid('a tensor is malformed');
    const { name, level, scale, ciphertexts } = entry;
    if (typeof name !== 'string' || !isCount(level) || !isCount(ciphertexts)) {
      throw invalid('a tensor is malformed');
    }
    if (typeof scale !== 'number' || !(scale > 0)) throw invalid('a tensor has a bad scale');
    if (next + ciphertexts > blobs.length) throw invalid('it lacks ciphertexts');
    return { name, level, scale, ciphertexts: blobs.slice(next, (next += ciphertexts)) };
  });
  if (next !== blobs.length) throw invalid('it has ciphertexts of no tensor');
  return { ...checkOrigin(meta), tensors };
}

export interface ExpectedTensor {
  readonly name: string;
  readonly level: number;
  readonly scale: number;
  readonly ciphertexts: number;
}

/**
 * Checks that a set is what a program takes or gives, tensor by tensor in order.
 * @throws ArtifactError PARAMETERS_MISMATCH or CIPHERTEXT_MISMATCH
 */
export function requireTensors(
  set: CiphertextSet,
  setting: Setting,
  expected: readonly ExpectedTensor[],
): void {
  requireSetting(set, setting, 'the ciphertexts were', 'encrypt for this artifact');
  const describe = (tensors: readonly ExpectedTensor[]): string =>
    JSON.stringify(tensors.map(({ name, level, scale, ciphertexts }) => [name, level, scale, ciphertexts]));
  const found = describe(
    set.tensors.map((tensor) => ({ ...tensor, ciphertexts: tensor.ciphertexts.length })),
  );
  if (found !== describe(expected)) {
    throw new ArtifactError(
      'CIPHERTEXT_MISMATCH',
      `expected tensors [name, level, scale, ciphertexts] ${describe(expected)}, found ${found.slice(0, 500)}`,
    );
  }
}
