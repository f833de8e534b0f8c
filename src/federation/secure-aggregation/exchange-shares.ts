/** The exchange of shares as one participant does it: boxes for all neighbours, and theirs opened. */
import { ProtocolError } from '../../errors.ts';
import { systemBytes } from '../privacy/random-integers.ts';
import type { AcceptedRoster } from './accept-roster.ts';
import { announcedKey, refused } from './accept-roster.ts';
import { privateKeyOf } from './key-agreement.ts';
import type { ShareBox } from './messages.ts';
import { checkBox, checkList, malformed, toBase64 } from './messages.ts';
import type { EntrustedShares, ParticipantState } from './participant-state.ts';
import { shareSecret } from './shamir.ts';
import { openBox, sealBox } from './share-box.ts';

/** @throws ProtocolError FEDERATION_ROSTER_REFUSED where a neighbour announced a key that shares no secret */
export async function makeBoxes(
  roster: AcceptedRoster,
  name: string,
  secrets: NonNullable<ParticipantState['secrets']>,
): Promise<readonly ShareBox[]> {
  const { threshold } = roster.rules;
  const neighbours = roster.graph.of(name);
  const own = privateKeyOf(Buffer.from(secrets.channelKey, 'base64'));
  const seeds = await shareSecret(Buffer.from(secrets.seed, 'base64'), neighbours.length, threshold);
  const keys = await shareSecret(Buffer.from(secrets.maskKey, 'base64'), neighbours.length, threshold);
  return neighbours.map((to, i) => {
    const address = { roster: roster.digest, from: name, to };
    const shares = { seed: seeds[i]!, key: keys[i]! };
    const box = sealBox(shares, address, own, announcedKey(roster, to, 'channelKey'), systemBytes);
    if (box === null) throw refused('it has a key of low order');
    return { from: name, to, box: toBase64(box) };
  });
}

/**
 * @returns sorted by whose shares they are
 * @throws ProtocolError FEDERATION_SHARE_INVALID, FEDERATION_ROUND_ABORTED where so few shared that nobody could take this participant's masks off
 */
export function openBoxes(
  boxes: readonly ShareBox[],
  roster: AcceptedRoster,
  name: string,
  channelKey: string,
): readonly EntrustedShares[] {
  const neighbours = new Set(roster.graph.of(name));
  checkList(boxes, neighbours.size, 'share boxes');
  const own = privateKeyOf(Buffer.from(channelKey, 'base64'));
  const opened = new Map<string, EntrustedShares>();
  for (const each of boxes) {
    const box = checkBox(each);
    const { from, to } = each;
    if (to !== name || !neighbours.has(from))
      throw malformed('a share box is not from a neighbour, or for another');
    if (opened.has(from)) throw malformed('two share boxes of one neighbour');
    const address = { roster: roster.digest, from, to };
    const shares = openBox(box, address, own, announcedKey(roster, from, 'channelKey'));
    if (shares === null)
      throw new ProtocolError(
        'FEDERATION_SHARE_INVALID',
        `the share box of ${from} is damaged or of another round`,
        {
          hint: 'the aggregator shows different rosters or has changed it: leave the round',
        },
      );
    opened.set(from, { of: from, seed: toBase64(shares.seed), key: toBase64(shares.key) });
  }
  if (opened.size < roster.rules.threshold)
    throw new ProtocolError(
      'FEDERATION_ROUND_ABORTED',
      `only ${opened.size} neighbours shared keys; ${roster.rules.threshold} are needed to open a sum`,
    );
  return [...opened.values()].sort((a, b) => (a.of < b.of ? -1 : 1));
}
