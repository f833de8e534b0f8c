/** What one participant sends another past the aggregator: its shares of the sender's two secrets, under AES-256-GCM. */
import type { KeyObject } from 'node:crypto';
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { encodeFields } from '../encoding.ts';
import type { ByteSource } from '../privacy/random-integers.ts';
import { agree, deriveKey } from './key-agreement.ts';
import { SHARE_BYTES } from './shamir.ts';

const IV_BYTES = 12;
const TAG_BYTES = 16;
export const BOX_BYTES = IV_BYTES + 2 * SHARE_BYTES + TAG_BYTES;

export interface HeldShares {
  /** Of the seed of the sender's own mask. */
  readonly seed: Uint8Array;
  /** Of the key that the sender's masks with others follow from. */
  readonly key: Uint8Array;
}

export interface BoxAddress {
  /** Digest of the roster, hex. */
  readonly roster: string;
  readonly from: string;
  readonly to: string;
}

/** The key serves one box in one direction of one round; the IV is random all the same, should a state ever be set back. */
export function sealBox(
  shares: HeldShares,
  address: BoxAddress,
  own: KeyObject,
  other: KeyObject,
  random: ByteSource,
): Buffer | null {
  const key = boxKey(address, own, other);
  if (key === null) return null;
  const iv = Buffer.alloc(IV_BYTES);
  random(iv);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(addressBytes(address));
  const sealed = Buffer.concat([cipher.update(shares.seed), cipher.update(shares.key), cipher.final()]);
  return Buffer.concat([iv, sealed, cipher.getAuthTag()]);
}

/** @returns null unless the box was made by `from` for `to` in this round, and is whole */
export function openBox(
  box: Uint8Array,
  address: BoxAddress,
  own: KeyObject,
  other: KeyObject,
): HeldShares | null {
  const key = boxKey(address, own, other);
  if (key === null || box.length !== BOX_BYTES) return null;
  const sealed = box.subarray(IV_BYTES, BOX_BYTES - TAG_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, IV_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(addressBytes(address)).setAuthTag(box.subarray(BOX_BYTES - TAG_BYTES));
  try {
    const opened = Buffer.concat([decipher.update(sealed), decipher.final()]);
    return { seed: opened.subarray(0, SHARE_BYTES), key: opened.subarray(SHARE_BYTES) };
  } catch {
    return null;
  }
}

function boxKey({ roster, from, to }: BoxAddress, own: KeyObject, other: KeyObject): Buffer | null {
  const secret = agree(own, other);
  return secret === null ? null : deriveKey(secret, roster, 'share box', [from, to]);
}

function addressBytes({ roster, from, to }: BoxAddress): Buffer {
  return encodeFields('share box', [roster, from, to]);
}
