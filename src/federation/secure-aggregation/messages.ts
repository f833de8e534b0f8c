/**
 * What participants and aggregator say to each other. All of it is JSON: keys, shares, boxes and signatures are Base64, digests hex. Whoever
 * receives a message checks its form here first; what it means is checked by who keeps the state.
 */
import { ProtocolError } from '../../errors.ts';
import { digestOf, encodeFields } from '../encoding.ts';
import type { RoundTerms } from '../round-terms.ts';
import { isDigest, isName, MOST_NEIGHBOURS, MOST_PARTICIPANTS, termsDigest } from '../round-terms.ts';
import { KEY_BYTES } from './key-agreement.ts';
import { SHARE_BYTES } from './shamir.ts';
import { BOX_BYTES } from './share-box.ts';

/** Signs with the key that the participant is enrolled with (Ed25519): 64 bytes. */
export interface Identity {
  sign(bytes: Uint8Array): Uint8Array;
}
/** Knows the keys that participants are enrolled with. */
export type VerifyIdentity = (participant: string, bytes: Uint8Array, signature: Uint8Array) => boolean;

export interface Advertisement {
  readonly participant: string;
  /** X25519 public keys: masks with others follow from the first, boxes are locked with the second. */
  readonly maskKey: string;
  readonly channelKey: string;
  /** SHA-256 of the seed of its own mask: a seed that is rebuilt wrongly is seen. */
  readonly seedDigest: string;
  /** Over terms, name and keys. */
  readonly signature: string;
}

export interface Roster {
  readonly terms: RoundTerms;
  /** Sorted by participant. */
  readonly advertisements: readonly Advertisement[];
}

export interface ShareBox {
  readonly from: string;
  readonly to: string;
  readonly box: string;
}

export interface SurvivorList {
  /** Digest of the roster. */
  readonly roster: string;
  /** Whose shares were handed on; sorted. */
  readonly sharers: readonly string[];
  /** Those of them whose masked update arrived; sorted. */
  readonly survivors: readonly string[];
}

export interface Confirmation {
  readonly participant: string;
  /** Digest of the survivor list. */
  readonly list: string;
  readonly signature: string;
}

export interface RevealedShare {
  readonly of: string;
  readonly share: string;
}

export interface Revelation {
  readonly participant: string;
  /** Of survivors: shares of the seeds of their own masks. */
  readonly seeds: readonly RevealedShare[];
  /** Of sharers that dropped out: shares of the keys of their masks with others. */
  readonly keys: readonly RevealedShare[];
}

/** Why a round ends without a sum. */
export type AbortReason =
  | 'too-few-participants'
  | 'too-few-sharers'
  | 'too-few-survivors'
  | 'too-few-confirmations'
  | 'too-few-shares'
  | 'wrong-shares'
  | 'vector-changed'
  | 'no-decryptor'
  | 'cancelled';

export const SIGNATURE_BYTES = 64;

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** @returns null unless it is the one Base64 text of so many bytes */
export function fromBase64(text: unknown, length: number): Buffer | null {
  if (typeof text !== 'string' || text.length !== 4 * Math.ceil(length / 3)) return null;
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === length && bytes.toString('base64') === text ? bytes : null;
}

export function advertisementBytes(terms: string, ad: Omit<Advertisement, 'signature'>): Buffer {
  return encodeFields('advertisement', [terms, ad.participant, ad.maskKey, ad.channelKey, ad.seedDigest]);
}

export function confirmationBytes({ participant, list }: Omit<Confirmation, 'signature'>): Buffer {
  return encodeFields('confirmation', [participant, list]);
}

export function rosterDigest({ terms, advertisements }: Roster): string {
  const fields = advertisements.flatMap((ad) => [
    ...[ad.participant, ad.maskKey, ad.channelKey, ad.seedDigest, ad.signature],
  ]);
  return digestOf('roster', [termsDigest(terms), ...fields]);
}

export function listDigest({ roster, sharers, survivors }: SurvivorList): string {
  return digestOf('survivors', [roster, sharers.length, ...sharers, survivors.length, ...survivors]);
}

/** @throws ProtocolError FEDERATION_MESSAGE_INVALID */
export function checkObject(value: unknown, what: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed(`${what} is no object`);
}

/** @returns its fields, and no others */
export function checkAdvertisement(ad: Advertisement): Advertisement {
  checkObject(ad, 'an advertisement');
  const { participant, maskKey, channelKey, seedDigest, signature } = ad;
  const keys = [fromBase64(maskKey, KEY_BYTES), fromBase64(channelKey, KEY_BYTES)];
  if (!isName(participant) || keys.includes(null) || !isDigest(seedDigest))
    throw malformed('an advertisement has no proper name or keys');
  if (fromBase64(signature, SIGNATURE_BYTES) === null)
    throw malformed('a signature is not 64 bytes in Base64');
  return { participant, maskKey, channelKey, seedDigest, signature };
}

/** Sorted names, each once. */
export function checkNames(names: readonly string[]): void {
  checkList(names, MOST_PARTICIPANTS, 'names');
  names.forEach((name: unknown, i) => {
    if (!isName(name)) throw malformed('a list holds what is no name');
    if (i > 0 && names[i - 1]! >= name)
      throw malformed('a list of names is not in order, or names one twice');
  });
}

export function checkList(list: unknown, most: number, what: string): void {
  if (!Array.isArray(list) || list.length > most)
    throw malformed(`${what} are no list, or more than ${most}`);
}

export function checkSurvivorList(list: SurvivorList): void {
  checkObject(list, 'a survivor list');
  if (!isDigest(list.roster)) throw malformed('a survivor list names no roster');
  checkNames(list.sharers);
  checkNames(list.survivors);
  const sharers = new Set(list.sharers);
  if (!list.survivors.every((name) => sharers.has(name))) throw malformed('a survivor has shared no keys');
}

/** @returns the box */
export function checkBox(box: ShareBox): Buffer {
  checkObject(box, 'a share box');
  const bytes = fromBase64(box.box, BOX_BYTES);
  if (!isName(box.from) || !isName(box.to) || bytes === null) throw malformed('a share box has another form');
  return bytes;
}

/** @returns its fields, and no others */
export function checkConfirmation(confirmation: Confirmation): Confirmation {
  checkObject(confirmation, 'a confirmation');
  const { participant, list, signature } = confirmation;
  if (!isName(participant) || !isDigest(list) || fromBase64(signature, SIGNATURE_BYTES) === null)
    throw malformed('a confirmation has another form');
  return { participant, list, signature };
}

/** @returns its fields, and no others */
export function checkRevelation(revelation: Revelation): Revelation {
  checkObject(revelation, 'a revelation');
  const { participant, seeds, keys } = revelation;
  if (!isName(participant)) throw malformed('a revelation names no participant');
  for (const shares of [seeds, keys]) {
    checkList(shares, MOST_NEIGHBOURS, 'revealed shares');
    for (const share of shares) checkObject(share, 'a revealed share');
    checkNames(shares.map(({ of }) => of));
    if (shares.some(({ share }) => fromBase64(share, SHARE_BYTES) === null))
      throw malformed(`a share is not ${SHARE_BYTES} bytes in Base64`);
  }
  const fields = ({ of, share }: RevealedShare): RevealedShare => ({ of, share });
  return { participant, seeds: seeds.map(fields), keys: keys.map(fields) };
}

/** Whether the signature over a confirmation, whose form was checked, is its participant's. */
export function isSigned(confirmation: Confirmation, verify: VerifyIdentity): boolean {
  const signature = fromBase64(confirmation.signature, SIGNATURE_BYTES)!;
  return verify(confirmation.participant, confirmationBytes(confirmation), signature);
}

/** @throws ProtocolError FEDERATION_MESSAGE_INVALID */
export function malformed(detail: string): ProtocolError {
  return new ProtocolError('FEDERATION_MESSAGE_INVALID', `a message of the round is not in order: ${detail}`);
}
