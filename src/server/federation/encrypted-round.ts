/** Rounds of encrypted sums, for the server to drive: it adds ciphertexts up without any key, and has the sum opened by the decryptor. */
import { createHash } from 'node:crypto';
import { ProtocolError } from '../../errors.ts';
import { EncryptedSumAggregator } from '../../federation/encrypted-sum/aggregator.ts';
import type { EncryptedSumState } from '../../federation/encrypted-sum/aggregator-state.ts';
import type { Contribution } from '../../federation/encrypted-sum/contribution.ts';
import type {
  AbortReason,
  Confirmation,
  VerifyIdentity,
} from '../../federation/secure-aggregation/messages.ts';
import { malformed } from '../../federation/secure-aggregation/messages.ts';
import type { RoundTerms } from '../../federation/round-terms.ts';
import { addVectors } from '../../runtime/sums/add-vectors.ts';
import { CiphertextSum } from '../../runtime/sums/ciphertext-sum.ts';
import { ciphertextsOf, SUM_CIPHERTEXT_BYTES } from '../../runtime/sums/sum-parameters.ts';
import { ToolError } from '../protocol/error-codes.ts';
import type { ProtocolRound, RoundProgress, RoundProtocol } from './protocol-round.ts';
import type { ByteReader, RoundUploads } from './round-uploads.ts';
import type { SumCiphertexts } from './sum-ciphertexts.ts';
import { WORD, wordBlocks, wordsDigest } from './word-vectors.ts';

export interface EncryptedRoundParts {
  readonly verify: VerifyIdentity;
  /** Name under which the decryptor is enrolled. */
  readonly decryptor: string;
  readonly uploads: RoundUploads;
  readonly sums: SumCiphertexts;
}

export function encryptedRounds(parts: EncryptedRoundParts): RoundProtocol {
  const { verify, decryptor, uploads, sums } = parts;
  return {
    open: (terms) => new EncryptedRound(EncryptedSumAggregator.open(terms, decryptor, verify), parts),
    resume: (state) =>
      new EncryptedRound(EncryptedSumAggregator.resume(state as EncryptedSumState, verify), parts),
    async forget(round) {
      await uploads.remove(decryptor, round);
      await sums.remove(round);
    },
  };
}

/** @throws ToolError ERROR_ROUND_PROTOCOL */
export function encryptedOf(round: ProtocolRound): EncryptedSumAggregator {
  if (round instanceof EncryptedRound) return round.aggregator;
  throw new ToolError('ERROR_ROUND_PROTOCOL', 'this round adds up what is masked, not what is encrypted');
}

class EncryptedRound implements ProtocolRound {
  readonly aggregator: EncryptedSumAggregator;
  readonly #parts: EncryptedRoundParts;
  readonly #terms: RoundTerms;
  readonly #decryptor: string;

  constructor(aggregator: EncryptedSumAggregator, parts: EncryptedRoundParts) {
    this.aggregator = aggregator;
    this.#parts = parts;
    const { terms, decryptor } = aggregator.snapshot();
    this.#terms = terms;
    this.#decryptor = decryptor;
  }

  get stage(): EncryptedSumAggregator['stage'] {
    return this.aggregator.stage;
  }

  get progress(): RoundProgress {
    const { contributions, uploads, confirmations } = this.aggregator;
    const joined = contributions.length;
    return { joined, shared: 0, uploaded: uploads.length, confirmed: confirmations.length, revealed: 0 };
  }

  get aborted(): EncryptedSumAggregator['aborted'] {
    return this.aggregator.aborted;
  }

  get participants(): readonly string[] {
    return this.aggregator.contributions.map(({ participant }) => participant);
  }

  get survivors(): readonly string[] | null {
    return this.aggregator.list?.survivors ?? null;
  }

  get spent(): boolean {
    return !['joining', 'admitting', 'aborted'].includes(this.stage);
  }

  get isOpenable(): boolean {
    return this.stage === 'opening' && this.aggregator.isOpenable;
  }

  snapshot(): EncryptedSumState {
    return this.aggregator.snapshot();
  }

  join(message: unknown): void {
    this.aggregator.addContribution(message as Contribution);
  }

  confirm(confirmation: Confirmation): void {
    this.aggregator.addConfirmation(confirmation);
  }

  step(late: boolean, minClients: number): void {
    const { aggregator } = this;
    const { joined, uploaded } = this.progress;
    switch (aggregator.stage) {
      case 'joining':
        if (joined < minClients && late)
          aggregator.abort(
            aggregator.key === null ? 'no-decryptor' : 'too-few-participants',
            aggregator.key === null
              ? 'the decryptor has published no key'
              : `${joined} of ${minClients} have joined`,
          );
        else if (joined === this.#terms.maxParticipants || late) aggregator.closeRoster();
        return;
      case 'admitting':
        if (aggregator.admission !== null) aggregator.closeAdmission();
        else if (late) aggregator.abort('no-decryptor', 'the decryptor has not admitted the contributions');
        return;
      case 'uploading':
        if (uploaded === joined || late) aggregator.closeUploads();
        return;
      case 'confirming':
        if (aggregator.isConfirmed) aggregator.closeConfirmations();
        else if (late) aggregator.abort('too-few-confirmations', 'the time for confirmations is over');
        return;
      case 'opening':
        if (late && !aggregator.isOpenable)
          aggregator.abort('no-decryptor', 'the decryptor has not opened the sum');
        return;
      case 'adding':
      case 'opened':
      case 'aborted':
        return;
    }
  }

  work(): (() => Promise<void>) | null {
    return this.stage === 'adding' ? () => this.#addUp() : null;
  }

  requireUploader(clientId: string): void {
    if (clientId !== this.#decryptor) return this.aggregator.requireUploader(clientId);
    if (this.stage !== 'opening')
      throw new ToolError('ERROR_ROUND_STAGE', `the round is ${this.stage}, not opening`);
  }

  uploadBytes(clientId: string): number {
    const { length } = this.#terms.form;
    return clientId === this.#decryptor ? WORD * length : ciphertextsOf(length) * SUM_CIPHERTEXT_BYTES;
  }

  async commit(clientId: string, sha256: string, read: ByteReader): Promise<void> {
    const isSum = clientId === this.#decryptor;
    const digest = isSum
      ? await wordsDigest(read, clientId, this.#terms.form.length)
      : await this.#checkCiphertexts(clientId, read);
    if (digest !== sha256) throw malformed('an upload is not what its SHA-256 says');
    if (isSum) this.aggregator.addOpened(digest);
    else this.aggregator.addUpload(clientId, digest);
  }

  async *openSum(read: ByteReader): AsyncGenerator<Int32Array<ArrayBuffer>> {
    const hash = createHash('sha256');
    for await (const block of wordBlocks(read, this.#decryptor, this.#terms.form.length)) {
      hash.update(block);
      yield new Int32Array(block.buffer);
    }
    if (hash.digest('hex') !== this.snapshot().opened) {
      const message = 'the opened sum is not what was received';
      this.aggregator.abort('vector-changed', message);
      throw new ProtocolError('FEDERATION_ROUND_ABORTED', `the round ends without a sum: ${message}`);
    }
    this.aggregator.finish();
  }

  abort(reason: AbortReason, message: string): void {
    this.aggregator.abort(reason, message);
  }

  /** One that nobody could add would spoil the sum of all. @returns SHA-256, hex, of the whole */
  async #checkCiphertexts(participant: string, read: ByteReader): Promise<string> {
    using adder = await CiphertextSum.open();
    const hash = createHash('sha256');
    for await (const ciphertext of this.#ciphertexts(participant, read)) {
      adder.add(ciphertext, ciphertext);
      hash.update(ciphertext);
    }
    return hash.digest('hex');
  }

  async #addUp(): Promise<void> {
    const { uploads, sums } = this.#parts;
    const { round } = this.#terms;
    const read = uploads.reader(round);
    using adder = await CiphertextSum.open();
    const hash = createHash('sha256');
    const sum = addVectors(
      adder,
      this.aggregator.uploads.map((participant) => this.#ciphertexts(participant, read)),
    );
    const hashed = async function* (): AsyncGenerator<Uint8Array> {
      for await (const ciphertext of sum) {
        hash.update(ciphertext);
        yield ciphertext;
      }
    };
    await sums.write(round, hashed());
    // The owner may have ended the round meanwhile.
    if (this.stage === 'adding') this.aggregator.setSum(hash.digest('hex'));
  }

  async *#ciphertexts(participant: string, read: ByteReader): AsyncGenerator<Uint8Array> {
    const count = ciphertextsOf(this.#terms.form.length);
    for (let index = 0; index < count; index++)
      yield await read(participant, index * SUM_CIPHERTEXT_BYTES, SUM_CIPHERTEXT_BYTES);
  }
}
