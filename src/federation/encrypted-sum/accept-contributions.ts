/** What participants and decryptor look at alike: who is in the round, and of what a sum is said to be. */
import { ProtocolError } from '../../errors.ts';
import { digestOf } from '../encoding.ts';
import type { RoundTerms } from '../round-terms.ts';
import { termsDigest } from '../round-terms.ts';
import { refused } from '../secure-aggregation/accept-roster.ts';
import type { VerifyIdentity } from '../secure-aggregation/messages.ts';
import type { Contribution } from './contribution.ts';
import { checkContributions, contributionsDigest, isContributionSigned } from './contribution.ts';
import type { SumList } from './sum-messages.ts';
import { checkSumList } from './sum-messages.ts';

export interface AcceptedContributions {
  readonly digest: string;
  readonly contributions: ReadonlyMap<string, Contribution>;
}

/**
 * @param publicKey SHA-256 of the round's key, hex
 * @param verify null: they were verified before
 * @throws ProtocolError FEDERATION_MESSAGE_INVALID, FEDERATION_ROSTER_REFUSED, FEDERATION_SIGNATURE_INVALID
 */
export function acceptContributions(
  given: readonly Contribution[],
  terms: RoundTerms,
  publicKey: string,
  verify: VerifyIdentity | null,
): AcceptedContributions {
  const contributions = checkContributions(given, terms.maxParticipants);
  if (contributions.length < terms.minSurvivors)
    throw refused(`${contributions.length} of ${terms.minSurvivors} have announced an update`);
  const digest = termsDigest(terms);
  const seen = new Set<string>();
  for (const each of contributions) {
    const { participant, ciphertexts } = each;
    if (each.terms !== digest) throw refused(`${participant} has signed other terms`);
    if (each.publicKey !== publicKey) throw refused(`${participant} has encrypted under another key`);
    // Somebody's update a second time: it would count twice.
    if (seen.has(ciphertexts)) throw refused(`${participant} announces what another has announced`);
    seen.add(ciphertexts);
    if (verify !== null && !isContributionSigned(each, verify)) throw unsigned(participant);
  }
  return {
    digest: contributionsDigest(contributions),
    contributions: new Map(contributions.map((each) => [each.participant, each])),
  };
}

/** @returns its fields, and no others. @throws ProtocolError FEDERATION_MESSAGE_INVALID, FEDERATION_LIST_REFUSED */
export function acceptList(given: SumList, roster: AcceptedContributions, terms: RoundTerms): SumList {
  const list = checkSumList(given);
  if (list.roster !== roster.digest) throw listRefused('it is of another roster');
  const stranger = list.survivors.find((name) => !roster.contributions.has(name));
  if (stranger !== undefined) throw listRefused(`${stranger} has announced no update`);
  if (list.survivors.length < terms.minSurvivors)
    throw listRefused(
      `it is of ${list.survivors.length} updates, and of fewer than ${terms.minSurvivors} none is opened`,
    );
  return list;
}

/** So many that one of them is not in league with the aggregator; and two, where nobody is held to be. */
export function auditsNeeded({ colluders }: RoundTerms): number {
  return Math.max(2, colluders + 1);
}

/**
 * Who adds the ciphertexts up again: twice as many as are needed, since some may have left. Others need not have the ciphertexts of all.
 * @returns in no order
 */
export function auditorsOf({ roster, survivors }: SumList, terms: RoundTerms): ReadonlySet<string> {
  const lot = (name: string): string => digestOf('auditor', [roster, name]);
  const drawn = [...survivors].sort((a, b) => (lot(a) < lot(b) ? -1 : 1));
  return new Set(drawn.slice(0, 2 * auditsNeeded(terms)));
}

export function unsigned(participant: string): ProtocolError {
  return new ProtocolError('FEDERATION_SIGNATURE_INVALID', `${participant} has not signed this contribution`);
}

export function listRefused(detail: string): ProtocolError {
  return new ProtocolError('FEDERATION_LIST_REFUSED', `the list of survivors is refused: ${detail}`, {
    hint: 'the aggregator is broken or hostile: confirm nothing',
  });
}
