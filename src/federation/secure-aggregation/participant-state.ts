/** What a participant remembers of a round. SECRET: whoever has it before the round ends can take the masks off its update. */
import type { Advertisement, Confirmation, Revelation, Roster, ShareBox, SurvivorList } from './messages.ts';
import type { RoundTerms } from '../round-terms.ts';

/** Where a participant stands; each stage allows one step forward, and the last one again. */
export type ParticipantStage =
  'joined' | 'shared' | 'received' | 'masked' | 'confirmed' | 'revealed' | 'aborted';

/** Shares that a neighbour has entrusted, Base64. */
export interface EntrustedShares {
  readonly of: string;
  readonly seed: string;
  readonly key: string;
}

/** JSON. Fields come with the stages; secrets go with the last. */
export interface ParticipantState {
  readonly version: 1;
  readonly terms: RoundTerms;
  readonly name: string;
  stage: ParticipantStage;
  readonly advertisement: Advertisement;
  /** Base64, 32 bytes each; null once the round is over for this participant. */
  secrets: {
    readonly maskKey: string;
    readonly channelKey: string;
    /** Of its own mask. */
    readonly seed: string;
    /** Of its noise: the same noise after a restart. */
    readonly noise: string;
  } | null;
  roster: Roster | null;
  /** What it sent; the same when asked again, for one secret is split once. */
  boxes: readonly ShareBox[] | null;
  /** Of all neighbours that shared, sorted: with these it has masks in common. */
  entrusted: readonly EntrustedShares[] | null;
  /** SHA-256, hex, of each block of the masked update that was made. */
  readonly blocks: string[];
  /** SHA-256, hex, of the whole masked update, little endian. */
  vector: string | null;
  /** The one list that it confirmed. */
  list: SurvivorList | null;
  confirmation: Confirmation | null;
  revelation: Revelation | null;
  /** Why it left the round. */
  aborted: string | null;
}
