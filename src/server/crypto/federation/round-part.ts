/** A participant's part in one round, of whichever protocol: goes from wherever it is to its last word. */
import type { EncryptedState } from '../../../federation/encrypted-sum/participant.ts';
import type { RoundTerms } from '../../../federation/round-terms.ts';
import type { VerifyIdentity } from '../../../federation/secure-aggregation/messages.ts';
import type { ParticipantState } from '../../../federation/secure-aggregation/participant-state.ts';
import type { RemoteFederation, RoundStatus } from '../../client/remote-federation.ts';
import type { LocalFile } from '../../client/upload-file.ts';

/** JSON. SECRET. Which it is says the protocol of its terms. */
export type PartState = ParticipantState | EncryptedState;

export const CONTRIBUTION_STAGES = [
  'joining',
  'sharing',
  'masking',
  'encrypting',
  'admitting',
  'uploading',
  'auditing',
  'confirming',
  'revealing',
  'waiting',
] as const;
export type ContributionStage = (typeof CONTRIBUTION_STAGES)[number];

export interface RoundPart {
  readonly name: string;
  readonly terms: RoundTerms;
  state(): PartState;
  /** Whether anything of its update may have left: then what comes of the round concerns it. */
  readonly hasGiven: boolean;
  /** Digest of what it announced, and among whom; null before it has accepted the others. */
  readonly announced: string | null;
  walk(round: RoundWalk): Promise<void>;
  /** Leaves the round, or has come to its end; its secrets are gone. */
  abort(reason: string): void;
}

/** What the way through a round takes, whichever it is. */
export interface RoundWalk {
  readonly number: number;
  readonly remote: RemoteFederation;
  readonly signal: AbortSignal;
  /** For what is uploaded, which is no secret. */
  readonly path: string;
  /** As it was last heard of. */
  readonly status: RoundStatus;
  /** Waits while the round is at one of the steps. @throws ToolError ERROR_ROUND_ABORTED */
  until(stages: readonly RoundStatus['stage'][]): Promise<void>;
  /** The state is sealed when it resolves. */
  save(): Promise<void>;
  /** The round is in the ledger when it resolves. Done once, however often it is asked for. @throws ProtocolError BUDGET_EXCEEDED */
  debit(): Promise<void>;
  /** As it was prepared: neither clipped nor noised. */
  update(): Promise<Float32Array>;
  upload(file: LocalFile): Promise<void>;
  /** Only by keys that are known: from elsewhere, or since the first round. @throws ToolError ERROR_AGGREGATOR_REFUSED */
  verifier(seen: readonly { participant: string; public_key: string }[]): Promise<VerifyIdentity>;
  /** The same of the federation's decryptor. */
  decryptorVerifier(decryptor: string, publicKey: string): Promise<VerifyIdentity>;
  say(stage: ContributionStage, fraction?: number): void;
}
