/** Masks: AES-256 in counter mode from zero, four bytes an element, little endian; each key makes one mask, ever. */
import type { Cipheriv } from 'node:crypto';
import { createCipheriv } from 'node:crypto';

/** Elements that are masked at a time: a quarter of a mebibyte. */
export const BLOCK_ELEMENTS = 65_536;
const ZEROS = Buffer.alloc(4 * BLOCK_ELEMENTS);

export interface Mask {
  readonly key: Uint8Array;
  /** Added or taken away. */
  readonly sign: 1 | -1;
}

/** Applies masks to a vector, block by block from its beginning. */
export class MaskStream {
  readonly #streams: readonly { readonly cipher: Cipheriv; readonly sign: 1 | -1 }[];

  constructor(masks: readonly Mask[]) {
    this.#streams = masks.map(({ key, sign }) => ({
      cipher: createCipheriv('aes-256-ctr', key, Buffer.alloc(16)),
      sign,
    }));
  }

  /** @param block the next elements, at most `BLOCK_ELEMENTS`; changed in place, modulo 2^32 */
  apply(block: Uint32Array | Int32Array): void {
    for (const { cipher, sign } of this.#streams) {
      const bytes = cipher.update(ZEROS.subarray(0, 4 * block.length));
      const mask = new Uint32Array(bytes.buffer, bytes.byteOffset, block.length);
      if (sign === 1) for (let i = 0; i < block.length; i++) block[i] = block[i]! + mask[i]!;
      else for (let i = 0; i < block.length; i++) block[i] = block[i]! - mask[i]!;
    }
  }
}
