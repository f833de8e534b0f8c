/** The masks on a participant's update (Bonawitz et al., "Practical Secure Aggregation for Privacy-Preserving Machine Learning", CCS 2017, section 4). */
import type { KeyObject } from 'node:crypto';
import type { AcceptedRoster } from './accept-roster.ts';
import { announcedKey } from './accept-roster.ts';
import { agree, deriveKey } from './key-agreement.ts';
import type { Mask } from './mask-stream.ts';

/** The one that hides an update whose masks with others become known. */
export function selfMask(seed: Uint8Array, roster: AcceptedRoster, name: string): Mask {
  return { key: deriveKey(seed, roster.digest, 'self mask', [name]), sign: 1 };
}

/**
 * The one that two share: the first by name adds it, the other takes it away.
 * @returns null where the other announced a key of low order
 */
export function pairMask(own: KeyObject, roster: AcceptedRoster, name: string, other: string): Mask | null {
  const secret = agree(own, announcedKey(roster, other, 'maskKey'));
  if (secret === null) return null;
  const names = name < other ? [name, other] : [other, name];
  return { key: deriveKey(secret, roster.digest, 'pair mask', names), sign: name < other ? 1 : -1 };
}
