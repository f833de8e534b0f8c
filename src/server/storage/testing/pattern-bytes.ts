/** Bytes for tests of stores. */
import { createCipheriv } from 'node:crypto';

/** The same bytes for the same seed of 0 to 254; they cannot be compressed, as ciphertexts cannot. */
export function patternBytes(bytes: number, seed: number): Buffer {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed + 1), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(bytes));
}
