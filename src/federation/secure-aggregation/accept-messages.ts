/** What the aggregator accepts of participants: messages that say no more and no less than they are for. */
import { ProtocolError } from '../../errors.ts';
import type { RoundTerms } from '../round-terms.ts';
import { MOST_NEIGHBOURS, termsDigest } from '../round-terms.ts';
import type { AcceptedRoster } from './accept-roster.ts';
import { checkSignature } from './accept-roster.ts';
import { isOfLowOrder } from './key-agreement.ts';
import type { Advertisement, RevealedShare, Revelation, ShareBox, VerifyIdentity } from './messages.ts';
import { checkBox, checkList, fromBase64, malformed } from './messages.ts';

/**
 * @param ad whose form was checked
 * @param taken keys that others announced
 * @throws ProtocolError FEDERATION_SIGNATURE_INVALID, FEDERATION_MESSAGE_INVALID
 */
export function checkNewcomer(
  ad: Advertisement,
  terms: RoundTerms,
  taken: ReadonlySet<string>,
  verify: VerifyIdentity,
): void {
  checkSignature(ad, termsDigest(terms), verify);
  const keys = [ad.maskKey, ad.channelKey];
  if (keys.some((key) => isOfLowOrder(fromBase64(key, 32)!))) throw malformed('a key is of low order');
  if (ad.maskKey === ad.channelKey || keys.some((key) => taken.has(key)))
    throw malformed('a key was announced before');
}

/**
 * @returns one participant's boxes, one for each of its neighbours and in their order
 * @throws ProtocolError FEDERATION_NOT_IN_ROUND, FEDERATION_MESSAGE_INVALID
 */
export function boxesOf(
  participant: string,
  boxes: readonly ShareBox[],
  { graph }: AcceptedRoster,
): readonly ShareBox[] {
  checkList(boxes, MOST_NEIGHBOURS, 'share boxes');
  for (const box of boxes) checkBox(box);
  const neighbours = graph.of(participant);
  if (neighbours.length === 0) throw notInRound(participant);
  const sorted = boxes.map(({ from, to, box }) => ({ from, to, box })).sort((a, b) => (a.to < b.to ? -1 : 1));
  const fits = (box: ShareBox, i: number): boolean => box.from === participant && box.to === neighbours[i];
  if (sorted.length !== neighbours.length || !sorted.every(fits))
    throw malformed('share boxes are not one for each neighbour');
  return sorted;
}

/**
 * Seeds of the survivors among its neighbours that shared, keys of the others: never both, even if they are offered.
 * @throws ProtocolError FEDERATION_MESSAGE_INVALID
 */
export function checkRevealed(
  { participant, seeds, keys }: Revelation,
  { graph }: AcceptedRoster,
  sharers: ReadonlySet<string>,
  survivors: ReadonlySet<string>,
): void {
  const shared = graph.of(participant).filter((name) => sharers.has(name));
  const isOf = (shares: readonly RevealedShare[], names: readonly string[]): boolean =>
    shares.length === names.length && shares.every(({ of }, i) => of === names[i]);
  if (
    !isOf(
      seeds,
      shared.filter((name) => survivors.has(name)),
    ) ||
    !isOf(
      keys,
      shared.filter((name) => !survivors.has(name)),
    )
  )
    throw malformed('a revelation is of others than the survivor list says');
}

export function notInRound(participant: string): ProtocolError {
  return new ProtocolError('FEDERATION_NOT_IN_ROUND', `${participant} is not, or no more, in this round`);
}
