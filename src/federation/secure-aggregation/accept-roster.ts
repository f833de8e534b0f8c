/** What a roster must be before anybody acts on it. */
import type { KeyObject } from 'node:crypto';
import { ProtocolError } from '../../errors.ts';
import type { RosterRules, RoundTerms } from '../round-terms.ts';
import { isTerms, MOST_PARTICIPANTS, rosterRules, termsDigest } from '../round-terms.ts';
import { publicKeyOf } from './key-agreement.ts';
import type { Advertisement, Roster, VerifyIdentity } from './messages.ts';
import {
  advertisementBytes,
  checkAdvertisement,
  checkList,
  checkNames,
  checkObject,
  fromBase64,
  rosterDigest,
} from './messages.ts';
import { NeighbourGraph } from './neighbour-graph.ts';

/** A roster that was found in order, and what follows from it. */
export interface AcceptedRoster {
  readonly digest: string;
  readonly terms: RoundTerms;
  readonly rules: RosterRules;
  readonly graph: NeighbourGraph;
  readonly advertisements: ReadonlyMap<string, Advertisement>;
}

/**
 * @param verify null for one that was accepted before
 * @throws ProtocolError FEDERATION_MESSAGE_INVALID, FEDERATION_SIGNATURE_INVALID, FEDERATION_ROSTER_REFUSED, FEDERATION_TERMS_REFUSED
 */
export function acceptRoster(
  roster: Roster,
  terms: RoundTerms,
  verify: VerifyIdentity | null,
): AcceptedRoster {
  checkObject(roster, 'a roster');
  const { advertisements } = roster;
  checkList(advertisements, MOST_PARTICIPANTS, 'advertisements');
  const expected = termsDigest(terms);
  if (!isTerms(roster.terms) || termsDigest(roster.terms) !== expected)
    throw refused('it is of other terms than were joined');
  for (const ad of advertisements) checkAdvertisement(ad);
  const names = advertisements.map(({ participant }) => participant);
  checkNames(names);
  const rules = rosterRules(terms, names.length);
  const keys = new Set(advertisements.flatMap(({ maskKey, channelKey }) => [maskKey, channelKey]));
  if (keys.size !== 2 * names.length) throw refused('two participants announce one key');
  if (verify !== null) for (const ad of advertisements) checkSignature(ad, expected, verify);
  const digest = rosterDigest(roster);
  return {
    digest,
    terms,
    rules,
    graph: new NeighbourGraph(names, digest, rules.neighbours),
    advertisements: new Map(advertisements.map((ad) => [ad.participant, ad])),
  };
}

/** @throws ProtocolError FEDERATION_SIGNATURE_INVALID */
export function checkSignature(ad: Advertisement, terms: string, verify: VerifyIdentity): void {
  if (!verify(ad.participant, advertisementBytes(terms, ad), fromBase64(ad.signature, 64)!))
    throw new ProtocolError(
      'FEDERATION_SIGNATURE_INVALID',
      `${ad.participant} is not enrolled with the key that signed its advertisement`,
    );
}

/** Public keys of one participant. */
export function announcedKey(
  roster: AcceptedRoster,
  name: string,
  which: 'maskKey' | 'channelKey',
): KeyObject {
  return publicKeyOf(fromBase64(roster.advertisements.get(name)![which], 32)!);
}

export function refused(detail: string): ProtocolError {
  return new ProtocolError('FEDERATION_ROSTER_REFUSED', `the roster is refused: ${detail}`, {
    hint: 'the aggregator shows different rosters, or is broken: do not take part',
  });
}
