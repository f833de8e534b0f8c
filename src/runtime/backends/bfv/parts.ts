/**
 * Keys and ciphertexts of BFV with several plain moduli: SEAL's bytes for each modulus, one after the other, each with its
 * length before it (u32, little-endian). A single modulus is framed the same way.
 */
import { ArtifactError } from '../../../errors.ts';

export function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.length, 0));
  const view = new DataView(joined.buffer);
  let offset = 0;
  for (const part of parts) {
    view.setUint32(offset, part.length, true);
    joined.set(part, offset + 4);
    offset += 4 + part.length;
  }
  return joined;
}

/**
 * Views of the parts.
 * @param code of the error: CIPHERTEXT_INVALID or KEY_INVALID
 * @throws ArtifactError unless there are exactly `count`
 */
export function splitParts(joined: Uint8Array, count: number, code: string): Uint8Array[] {
  const refuse = (): never => {
    throw new ArtifactError(code, `expected ${count} parts, one for each plain modulus`);
  };
  const view = new DataView(joined.buffer, joined.byteOffset, joined.byteLength);
  const parts: Uint8Array[] = [];
  let offset = 0;
  while (parts.length < count) {
    if (offset + 4 > joined.length) refuse();
    const length = view.getUint32(offset, true);
    offset += 4;
    if (length > joined.length - offset) refuse();
    parts.push(joined.subarray(offset, offset + length));
    offset += length;
  }
  if (offset !== joined.length) refuse();
  return parts;
}
