/**
 * What decryptor, aggregator and participants say to each other about one encrypted sum, besides contributions. All of it is JSON: signatures are
 * Base64, digests hex. Whoever receives a message checks its form here first.
 */
import { digestOf, encodeFields } from '../encoding.ts';
import { isDigest, termsDigest } from '../round-terms.ts';
import type { RoundTerms } from '../round-terms.ts';
import type { Identity, VerifyIdentity } from '../secure-aggregation/messages.ts';
import {
  checkNames,
  checkObject,
  fromBase64,
  malformed,
  SIGNATURE_BYTES,
  toBase64,
} from '../secure-aggregation/messages.ts';

/** The key of one round, signed by its decryptor: updates are encrypted under no other. */
export interface SumKey {
  /** Digest of the round's terms. */
  readonly terms: string;
  /** SHA-256 of the public key, hex. */
  readonly publicKey: string;
  readonly signature: string;
}

/** Of all that were announced, the decryptor admits one list a round: nobody can be shown another. */
export interface Admission {
  /** Digest of the contributions. */
  readonly roster: string;
  readonly signature: string;
}

/** What is to be opened. */
export interface SumList {
  /** Digest of the contributions. */
  readonly roster: string;
  /** Whose ciphertexts are in the sum; sorted. */
  readonly survivors: readonly string[];
  /** SHA-256 of the sum's ciphertexts, one after the other, hex. */
  readonly sum: string;
}

export function signSumKey(terms: RoundTerms, publicKey: string, identity: Identity): SumKey {
  const unsigned = { terms: termsDigest(terms), publicKey };
  return { ...unsigned, signature: toBase64(identity.sign(sumKeyBytes(unsigned))) };
}

export function signAdmission(roster: string, identity: Identity): Admission {
  return { roster, signature: toBase64(identity.sign(admissionBytes({ roster }))) };
}

/** @returns its fields, and no others. @throws ProtocolError FEDERATION_MESSAGE_INVALID */
export function checkSumKey(key: SumKey): SumKey {
  checkObject(key, 'a sum’s key');
  const { terms, publicKey, signature } = key;
  if (!isDigest(terms) || !isDigest(publicKey) || fromBase64(signature, SIGNATURE_BYTES) === null)
    throw malformed('a sum’s key has another form');
  return { terms, publicKey, signature };
}

/** @returns its fields, and no others. @throws ProtocolError FEDERATION_MESSAGE_INVALID */
export function checkAdmission(admission: Admission): Admission {
  checkObject(admission, 'an admission');
  const { roster, signature } = admission;
  if (!isDigest(roster) || fromBase64(signature, SIGNATURE_BYTES) === null)
    throw malformed('an admission has another form');
  return { roster, signature };
}

/** @returns its fields, and no others. @throws ProtocolError FEDERATION_MESSAGE_INVALID */
export function checkSumList(list: SumList): SumList {
  checkObject(list, 'a list of survivors');
  const { roster, survivors, sum } = list;
  if (!isDigest(roster) || !isDigest(sum)) throw malformed('a list names no roster or no sum');
  checkNames(survivors);
  return { roster, survivors: [...survivors], sum };
}

/** Of one whose form was checked. */
export function isKeySigned(key: SumKey, decryptor: string, verify: VerifyIdentity): boolean {
  return verify(decryptor, sumKeyBytes(key), fromBase64(key.signature, SIGNATURE_BYTES)!);
}

/** Of one whose form was checked. */
export function isAdmissionSigned(admission: Admission, decryptor: string, verify: VerifyIdentity): boolean {
  return verify(decryptor, admissionBytes(admission), fromBase64(admission.signature, SIGNATURE_BYTES)!);
}

export function sumListDigest({ roster, survivors, sum }: SumList): string {
  return digestOf('sum', [roster, survivors.length, ...survivors, sum]);
}

function sumKeyBytes({ terms, publicKey }: Omit<SumKey, 'signature'>): Buffer {
  return encodeFields('sum key', [terms, publicKey]);
}

function admissionBytes({ roster }: Omit<Admission, 'signature'>): Buffer {
  return encodeFields('admission', [roster]);
}
