/**
 * One round of whichever protocol, as the server drives it: steps that end, uploads that arrive, work of its own that a step waits for, and a sum in
 * the end. What only one protocol says goes to that protocol's round, by its own tools.
 */
import type { EncryptedSumStage } from '../../federation/encrypted-sum/aggregator-state.ts';
import type { AggregatorStage } from '../../federation/secure-aggregation/aggregator-state.ts';
import type { AbortReason, Confirmation } from '../../federation/secure-aggregation/messages.ts';
import type { RoundTerms } from '../../federation/round-terms.ts';
import type { ByteReader } from './round-uploads.ts';

export type RoundStage = AggregatorStage | EncryptedSumStage;

/** Participants by how far they have come. A protocol without a step counts nobody there. */
export type RoundProgress = Readonly<
  Record<'joined' | 'shared' | 'uploaded' | 'confirmed' | 'revealed', number>
>;

/** JSON; what else there is of it is the protocol's own. */
export interface RoundState {
  readonly terms: RoundTerms;
}

export interface ProtocolRound {
  readonly stage: RoundStage;
  readonly progress: RoundProgress;
  readonly aborted: { readonly reason: AbortReason; readonly message: string } | null;
  /** Who joined. */
  readonly participants: readonly string[];
  /** Who is in the sum; null until that is settled. */
  readonly survivors: readonly string[] | null;
  /** Whether what updates are in may have left their participants. */
  readonly spent: boolean;

  snapshot(): RoundState;

  /** Announces a participant. @throws ProtocolError */
  join(message: unknown): void;

  /** Confirms the list of survivors. @throws ProtocolError */
  confirm(confirmation: Confirmation): void;

  /**
   * Ends the step if all have done theirs, or the time is over; nothing happens otherwise.
   * @param minClients a round of fewer is not begun
   * @throws ProtocolError FEDERATION_ROUND_ABORTED
   */
  step(late: boolean, minClients: number): void;

  /** What the server itself has to do before the step ends; null: nothing. Done once more after a crash. */
  work(): (() => Promise<void>) | null;

  /** @throws ToolError, ProtocolError unless this client may upload now */
  requireUploader(clientId: string): void;

  /** How many bytes this client's upload has. */
  uploadBytes(clientId: string): number;

  /**
   * An upload that is whole.
   * @param sha256 as the client states it
   * @throws ProtocolError, ToolError, after which nothing has changed
   */
  commit(clientId: string, sha256: string, read: ByteReader): Promise<void>;

  readonly isOpenable: boolean;

  /** The sum, in blocks; the same however often. It counts once it has been read to its end. @throws ProtocolError FEDERATION_ROUND_ABORTED */
  openSum(read: ByteReader): AsyncGenerator<Int32Array<ArrayBuffer>>;

  /** Ends the round without a sum, unless it has come to its end. */
  abort(reason: AbortReason, message: string): void;
}

/** How a protocol's rounds come to be. */
export interface RoundProtocol {
  /** @throws ProtocolError of the terms */
  open(terms: RoundTerms): ProtocolRound;
  /** @param state what `snapshot()` gave */
  resume(state: RoundState): ProtocolRound;
  /** Removes what a round has on disk besides the uploads of its participants. */
  forget(round: number): Promise<void>;
}
