/**
 * Authenticated encryption of what rests on disk: AES-256-GCM (NIST SP 800-38D) under a key of its own for every file,
 * derived from the master key by HKDF-SHA-256 (RFC 5869) with a random salt and the file's purpose. A sealed file that is
 * moved to another place, or changed anywhere, does not open.
 *
 * Layout: "HEVS", version (1 byte), salt (16), nonce (12), ciphertext, tag (16).
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { ToolError } from '../protocol/error-codes.ts';

const MAGIC = Buffer.from('HEVS', 'latin1');
const VERSION = 1;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = MAGIC.length + 1 + SALT_BYTES + NONCE_BYTES;

export const MASTER_KEY_BYTES = 32;

/** @param purpose what the bytes are and whose, for example "secret-key/agent/3f…" */
export function sealBytes(master: Uint8Array, purpose: string, bytes: Uint8Array): Buffer {
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const head = Buffer.concat([MAGIC, Buffer.of(VERSION), salt, nonce]);
  const cipher = createCipheriv('aes-256-gcm', fileKey(master, salt, purpose), nonce);
  cipher.setAAD(head);
  return Buffer.concat([head, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
}

/** @throws ToolError ERROR_KEYSTORE_LOCKED if it is damaged, was sealed for another purpose or under another key */
export function openBytes(master: Uint8Array, purpose: string, sealed: Uint8Array): Buffer {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  const sound =
    bytes.length >= HEAD_BYTES + TAG_BYTES && bytes.subarray(0, 4).equals(MAGIC) && bytes[4] === VERSION;
  if (!sound) throw new ToolError('ERROR_KEYSTORE_LOCKED', 'a sealed file is damaged, or of another version');
  const salt = bytes.subarray(MAGIC.length + 1, MAGIC.length + 1 + SALT_BYTES);
  const nonce = bytes.subarray(HEAD_BYTES - NONCE_BYTES, HEAD_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', fileKey(master, salt, purpose), nonce, {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(bytes.subarray(0, HEAD_BYTES));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(HEAD_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch {
    // Says neither which nor why: wrong key and damage look alike.
    throw new ToolError('ERROR_KEYSTORE_LOCKED', 'a sealed file does not open with this key');
  }
}

function fileKey(master: Uint8Array, salt: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', master, salt, `he-compile/vault/${purpose}`, MASTER_KEY_BYTES));
}
