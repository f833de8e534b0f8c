/** X25519 (RFC 7748) on keys of 32 bytes, and keys for one purpose each by HKDF-SHA256 (RFC 5869). */
import type { KeyObject } from 'node:crypto';
import { createHash, createPrivateKey, createPublicKey, diffieHellman, hkdfSync } from 'node:crypto';
import { encodeFields } from '../encoding.ts';

export const KEY_BYTES = 32;
/** What stands before the key in PKCS #8 and in SubjectPublicKeyInfo (RFC 8410). */
const PRIVATE_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex');
const PUBLIC_HEAD = Buffer.from('302a300506032b656e032100', 'hex');

export function privateKeyOf(bytes: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PRIVATE_HEAD, bytes]), format: 'der', type: 'pkcs8' });
}

export function publicKeyOf(bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([PUBLIC_HEAD, bytes]), format: 'der', type: 'spki' });
}

/** 32 bytes of the public key that belongs to a private one. */
export function publicBytes(privateKey: KeyObject): Buffer {
  return createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(PUBLIC_HEAD.length);
}

/** The secret that two share; null where the other's key is of low order, which would make it known to all (RFC 7748, section 6.1). */
export function agree(privateKey: KeyObject, publicKey: KeyObject): Buffer | null {
  try {
    return diffieHellman({ privateKey, publicKey });
  } catch {
    return null;
  }
}

/**
 * A key of 32 bytes for one purpose in one round.
 * @param roster digest of the roster, hex
 * @param names whom it concerns, in an order that all of them know
 */
export function deriveKey(
  secret: Uint8Array,
  roster: string,
  purpose: string,
  names: readonly string[],
): Buffer {
  return Buffer.from(
    hkdfSync('sha256', secret, Buffer.from(roster, 'hex'), encodeFields(purpose, names), KEY_BYTES),
  );
}

/** Whether every secret that is agreed on with this key is zero. */
export function isOfLowOrder(publicKey: Uint8Array): boolean {
  const some = privateKeyOf(createHash('sha256').update('a key like any other').digest());
  return agree(some, publicKeyOf(publicKey)) === null;
}
