/**
 * What a participant announces before its encrypted update leaves: who it is from, in which round, under which key, and its digest, signed by the
 * participant's identity. Ciphertexts can be multiplied and subtracted by anybody; one that is announced before others are seen cannot be made of them.
 */
import { digestOf, encodeFields } from '../encoding.ts';
import type { RoundTerms } from '../round-terms.ts';
import { isDigest, isName, termsDigest } from '../round-terms.ts';
import type { Identity, VerifyIdentity } from '../secure-aggregation/messages.ts';
import {
  checkList,
  checkNames,
  fromBase64,
  malformed,
  SIGNATURE_BYTES,
  toBase64,
} from '../secure-aggregation/messages.ts';

export interface Contribution {
  readonly participant: string;
  /** Digest of the round's terms. */
  readonly terms: string;
  /** SHA-256 of the public key that it was encrypted under, hex. */
  readonly publicKey: string;
  /** SHA-256 of all its ciphertexts, one after the other, hex. */
  readonly ciphertexts: string;
  readonly signature: string;
}

type Unsigned = Omit<Contribution, 'signature'>;

export function contribute(
  terms: RoundTerms,
  participant: string,
  { publicKey, ciphertexts }: Pick<Contribution, 'publicKey' | 'ciphertexts'>,
  identity: Identity,
): Contribution {
  const unsigned = { participant, terms: termsDigest(terms), publicKey, ciphertexts };
  return { ...unsigned, signature: toBase64(identity.sign(contributionBytes(unsigned))) };
}

/**
 * Form and signature; the round is for who has its terms to compare.
 * @returns its fields, and no others
 * @throws ProtocolError FEDERATION_MESSAGE_INVALID
 */
export function checkContribution(contribution: Contribution): Contribution {
  if (typeof contribution !== 'object' || contribution === null)
    throw malformed('a contribution is no object');
  const { participant, terms, publicKey, ciphertexts, signature } = contribution;
  if (!isName(participant) || ![terms, publicKey, ciphertexts].every(isDigest))
    throw malformed('a contribution has no proper name or digests');
  if (fromBase64(signature, SIGNATURE_BYTES) === null)
    throw malformed('a signature is not 64 bytes in Base64');
  return { participant, terms, publicKey, ciphertexts, signature };
}

/** Sorted by participant, each once. @throws ProtocolError FEDERATION_MESSAGE_INVALID */
export function checkContributions(contributions: readonly Contribution[], most: number): Contribution[] {
  checkList(contributions, most, 'contributions');
  const checked = contributions.map(checkContribution);
  checkNames(checked.map(({ participant }) => participant));
  return checked;
}

/** Of one whose form was checked. */
export function isContributionSigned(contribution: Contribution, verify: VerifyIdentity): boolean {
  const signature = fromBase64(contribution.signature, SIGNATURE_BYTES)!;
  return verify(contribution.participant, contributionBytes(contribution), signature);
}

export function contributionsDigest(contributions: readonly Contribution[]): string {
  return digestOf(
    'contributions',
    contributions.flatMap((each) => [each.participant, each.terms, each.publicKey, each.ciphertexts]),
  );
}

function contributionBytes({ participant, terms, publicKey, ciphertexts }: Unsigned): Buffer {
  return encodeFields('contribution', [participant, terms, publicKey, ciphertexts]);
}
