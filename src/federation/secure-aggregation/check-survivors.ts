/** What a participant wants to know of a survivor list before it signs it, and of others' signatures before it acts on them. */
import { ProtocolError } from '../../errors.ts';
import { MOST_PARTICIPANTS } from '../round-terms.ts';
import type { AcceptedRoster } from './accept-roster.ts';
import type { Confirmation, SurvivorList, VerifyIdentity } from './messages.ts';
import { checkConfirmation, checkList, isSigned, listDigest, malformed } from './messages.ts';

/**
 * @param list whose form was checked
 * @param entrusted neighbours whose shares this participant keeps: exactly these share masks with it
 * @throws ProtocolError FEDERATION_LIST_REFUSED
 */
export function checkSurvivors(
  list: SurvivorList,
  roster: AcceptedRoster,
  name: string,
  entrusted: readonly { readonly of: string }[],
): void {
  const { terms, rules, graph } = roster;
  if (list.roster !== roster.digest) throw refused('it belongs to another roster');
  if (!list.sharers.every((sharer) => graph.has(sharer)))
    throw refused('it names somebody who is not on the roster');
  const survivors = new Set(list.survivors);
  if (!survivors.has(name)) throw refused('this participant is not among the survivors');
  if (survivors.size < terms.minSurvivors)
    throw refused(`${survivors.size} survivors are fewer than the ${terms.minSurvivors} of the terms`);
  const neighbours = new Set(graph.of(name));
  const shared = list.sharers.filter((sharer) => neighbours.has(sharer));
  if (shared.length !== entrusted.length || !entrusted.every(({ of }, i) => shared[i] === of))
    throw refused('it has other neighbours share keys than those whose boxes came');
  if (shared.filter((neighbour) => survivors.has(neighbour)).length < rules.threshold)
    throw refused(`fewer than ${rules.threshold} neighbours of this participant are left to open the sum`);
  if (graph.leastCut(survivors) <= terms.colluders)
    throw refused(`${terms.colluders} colluders could have the sums of two groups of the survivors apart`);
}

/**
 * More than half of all that are no colluders must have confirmed this list, besides the colluders: as nobody honest signs two, no other
 * list can have as many.
 * @throws ProtocolError FEDERATION_CONFIRMATIONS_MISSING, FEDERATION_EQUIVOCATION, FEDERATION_SIGNATURE_INVALID, FEDERATION_MESSAGE_INVALID
 */
export function countConfirmations(
  confirmations: readonly Confirmation[],
  roster: AcceptedRoster,
  list: SurvivorList,
  verify: VerifyIdentity,
): void {
  checkList(confirmations, MOST_PARTICIPANTS, 'confirmations');
  const digest = listDigest(list);
  const survivors = new Set(list.survivors);
  const confirmed = new Set<string>();
  for (const confirmation of confirmations) {
    checkConfirmation(confirmation);
    const { participant } = confirmation;
    if (!survivors.has(participant)) throw malformed('a confirmation is not by a survivor');
    if (confirmed.has(participant)) throw malformed('two confirmations of one participant');
    if (!isSigned(confirmation, verify))
      throw new ProtocolError(
        'FEDERATION_SIGNATURE_INVALID',
        `the confirmation of ${participant} is not signed by it`,
      );
    if (confirmation.list !== digest)
      throw new ProtocolError('FEDERATION_EQUIVOCATION', `${participant} confirmed another survivor list`, {
        hint: 'the aggregator shows different lists: leave the round',
      });
    confirmed.add(participant);
  }
  if (confirmed.size < roster.rules.quorum)
    throw new ProtocolError(
      'FEDERATION_CONFIRMATIONS_MISSING',
      `${confirmed.size} confirmations of the survivor list, not ${roster.rules.quorum}`,
      { hint: 'wait for more participants to confirm' },
    );
}

function refused(detail: string): ProtocolError {
  return new ProtocolError('FEDERATION_LIST_REFUSED', `the survivor list is refused: ${detail}`, {
    hint: 'too many dropped out, or the aggregator is not honest',
  });
}
