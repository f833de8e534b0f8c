/** Rounds of secure aggregation, for the server to drive. */
import { SecureAggregator } from '../../federation/secure-aggregation/aggregator.ts';
import type { AggregatorState } from '../../federation/secure-aggregation/aggregator-state.ts';
import type {
  AbortReason,
  Advertisement,
  Confirmation,
  VerifyIdentity,
} from '../../federation/secure-aggregation/messages.ts';
import { ToolError } from '../protocol/error-codes.ts';
import type { ProtocolRound, RoundProgress, RoundProtocol } from './protocol-round.ts';
import type { ByteReader } from './round-uploads.ts';
import { WORD, wordBlocks, wordReader } from './word-vectors.ts';

export function maskedRounds(verify: VerifyIdentity): RoundProtocol {
  return {
    open: (terms) => new MaskedRound(SecureAggregator.open(terms, verify)),
    resume: (state) => new MaskedRound(SecureAggregator.resume(state as AggregatorState, verify)),
    // Nothing else is on disk than what participants uploaded.
    forget: () => Promise.resolve(),
  };
}

/** @throws ToolError ERROR_ROUND_PROTOCOL */
export function maskedOf(round: ProtocolRound): SecureAggregator {
  if (round instanceof MaskedRound) return round.aggregator;
  throw new ToolError('ERROR_ROUND_PROTOCOL', 'this round has no masks: it adds up what is encrypted');
}

class MaskedRound implements ProtocolRound {
  readonly aggregator: SecureAggregator;
  readonly #length: number;

  constructor(aggregator: SecureAggregator) {
    this.aggregator = aggregator;
    this.#length = aggregator.terms.form.length;
  }

  get stage(): SecureAggregator['stage'] {
    return this.aggregator.stage;
  }

  get progress(): RoundProgress {
    return this.aggregator.progress;
  }

  get aborted(): SecureAggregator['aborted'] {
    return this.aggregator.aborted;
  }

  get participants(): readonly string[] {
    return this.aggregator.participants;
  }

  get survivors(): readonly string[] | null {
    return this.aggregator.survivors;
  }

  get spent(): boolean {
    return !['joining', 'sharing', 'aborted'].includes(this.stage);
  }

  get isOpenable(): boolean {
    return this.stage === 'revealing' && this.aggregator.isOpenable;
  }

  snapshot(): AggregatorState {
    return this.aggregator.snapshot();
  }

  join(message: unknown): void {
    this.aggregator.addAdvertisement(message as Advertisement);
  }

  confirm(confirmation: Confirmation): void {
    this.aggregator.addConfirmation(confirmation);
  }

  step(late: boolean, minClients: number): void {
    const { aggregator } = this;
    const { joined, shared, uploaded, confirmed } = aggregator.progress;
    switch (aggregator.stage) {
      case 'joining':
        if (joined < minClients && late)
          aggregator.abort('too-few-participants', `${joined} of ${minClients} have joined`);
        else if (joined === aggregator.terms.maxParticipants || late) aggregator.closeRoster();
        return;
      case 'sharing':
        if (shared === joined || late) aggregator.closeSharing();
        return;
      case 'uploading':
        if (uploaded === shared || late) aggregator.closeUploads();
        return;
      case 'confirming':
        if (confirmed === uploaded || late) aggregator.closeConfirmations();
        return;
      case 'revealing':
        if (late && !aggregator.isOpenable) aggregator.abort('too-few-shares', 'the time for shares is over');
        return;
      case 'opened':
      case 'aborted':
        return;
    }
  }

  work(): null {
    return null;
  }

  requireUploader(clientId: string): void {
    if (this.stage !== 'uploading')
      throw new ToolError('ERROR_ROUND_STAGE', `the round is ${this.stage}, not uploading`);
    // Throws for who has not shared.
    this.aggregator.boxesFor(clientId);
  }

  uploadBytes(): number {
    return WORD * this.#length;
  }

  commit(clientId: string, sha256: string, read: ByteReader): Promise<void> {
    return this.aggregator.addVector(clientId, sha256, wordBlocks(read, clientId, this.#length));
  }

  openSum(read: ByteReader): AsyncGenerator<Int32Array<ArrayBuffer>> {
    return this.aggregator.openSum(wordReader(read));
  }

  abort(reason: AbortReason, message: string): void {
    this.aggregator.abort(reason, message);
  }
}
