/**
 * The aggregator's side of one encrypted sum: it collects what was announced, hands it on, and has one sum opened by the decryptor. What a message
 * may not be is refused with a code and changes nothing; saying the same again does no harm. What ends the round without a sum is said in
 * `aborted`.
 */
import { createHash } from 'node:crypto';
import { InternalError, ProtocolError } from '../../errors.ts';
import type { RoundTerms } from '../round-terms.ts';
import { checkTerms, termsDigest } from '../round-terms.ts';
import { notInRound } from '../secure-aggregation/accept-messages.ts';
import type { AbortReason, Confirmation, VerifyIdentity } from '../secure-aggregation/messages.ts';
import { checkConfirmation, isSigned, malformed } from '../secure-aggregation/messages.ts';
import { auditsNeeded, unsigned } from './accept-contributions.ts';
import type { EncryptedSumStage, EncryptedSumState, PublishedKey } from './aggregator-state.ts';
import { newState } from './aggregator-state.ts';
import type { Contribution } from './contribution.ts';
import { checkContribution, contributionsDigest, isContributionSigned } from './contribution.ts';
import type { Admission, SumKey, SumList } from './sum-messages.ts';
import {
  checkAdmission,
  checkSumKey,
  isAdmissionSigned,
  isKeySigned,
  sumListDigest,
} from './sum-messages.ts';

export class EncryptedSumAggregator {
  readonly #state: EncryptedSumState;
  readonly #verify: VerifyIdentity;

  private constructor(state: EncryptedSumState, verify: VerifyIdentity) {
    this.#state = state;
    this.#verify = verify;
  }

  /** @throws ProtocolError FEDERATION_TERMS_REFUSED, FEDERATION_FORM_REFUSED */
  static open(terms: RoundTerms, decryptor: string, verify: VerifyIdentity): EncryptedSumAggregator {
    checkTerms(terms, 'bfv-sum');
    return new EncryptedSumAggregator(newState(terms, decryptor), verify);
  }

  /** @param state what `snapshot()` gave */
  static resume(state: EncryptedSumState, verify: VerifyIdentity): EncryptedSumAggregator {
    if (state.version !== 1) throw new InternalError(`a round’s state of version ${String(state.version)}`);
    return new EncryptedSumAggregator(structuredClone(state), verify);
  }

  /** JSON. */
  snapshot(): EncryptedSumState {
    return structuredClone(this.#state);
  }

  get stage(): EncryptedSumStage {
    return this.#state.stage;
  }

  get aborted(): EncryptedSumState['aborted'] {
    return this.#state.aborted;
  }

  get key(): PublishedKey | null {
    return this.#state.key;
  }

  get admission(): Admission | null {
    return this.#state.admission;
  }

  /** Sorted by participant. */
  get contributions(): readonly Contribution[] {
    return this.#state.contributions;
  }

  /** Sorted; whose ciphertexts have arrived. */
  get uploads(): readonly string[] {
    return this.#state.uploads;
  }

  get list(): SumList | null {
    return this.#state.list;
  }

  get confirmations(): readonly Confirmation[] {
    return this.#state.confirmations;
  }

  addKey(given: SumKey, bytes: Uint8Array): void {
    const message = checkSumKey(given);
    const { key, terms, decryptor } = this.#state;
    if (message.terms !== termsDigest(terms) || message.publicKey !== sha256Of(bytes))
      throw malformed('a key is not the one that was signed, or of another round');
    if (!isKeySigned(message, decryptor, this.#verify)) throw unsigned(decryptor);
    if (key !== null) return repeated(key.message.publicKey, message.publicKey, 'key');
    this.#expect('joining');
    this.#state.key = { message, bytes: Buffer.from(bytes).toString('base64') };
  }

  addContribution(given: Contribution): void {
    const contribution = checkContribution(given);
    const { participant, ciphertexts } = contribution;
    const { terms, key, decryptor, contributions } = this.#state;
    const before = this.#contributionOf(participant);
    if (before !== undefined) {
      repeated(JSON.stringify(before), JSON.stringify(contribution), 'contribution');
      return;
    }
    this.#expect('joining');
    if (contributions.length >= terms.maxParticipants)
      throw new ProtocolError('FEDERATION_ROSTER_FULL', `${terms.maxParticipants} have joined; no more may`);
    if (participant === decryptor) throw malformed('the decryptor takes no part in what it opens');
    if (contribution.terms !== termsDigest(terms)) throw malformed('a contribution is to another round');
    if (contribution.publicKey !== key?.message.publicKey)
      throw malformed('a contribution is under another key');
    if (contributions.some((each) => each.ciphertexts === ciphertexts))
      throw malformed('these ciphertexts were announced before');
    if (!isContributionSigned(contribution, this.#verify)) throw unsigned(participant);
    contributions.push(contribution);
    contributions.sort((a, b) => (a.participant < b.participant ? -1 : 1));
  }

  /** Nobody joins any more. @throws ProtocolError FEDERATION_ROUND_ABORTED, FEDERATION_WRONG_STAGE */
  closeRoster(): void {
    this.#expect('joining');
    const { contributions, terms, key } = this.#state;
    if (key === null) throw this.#end('no-decryptor', 'the decryptor has published no key');
    if (contributions.length < terms.minSurvivors)
      throw this.#end('too-few-participants', `${contributions.length} of ${terms.minSurvivors} have joined`);
    this.#state.stage = 'admitting';
  }

  addAdmission(given: Admission): void {
    const admission = checkAdmission(given);
    const { decryptor, contributions } = this.#state;
    if (!isAdmissionSigned(admission, decryptor, this.#verify)) throw unsigned(decryptor);
    if (this.#state.admission !== null)
      return repeated(this.#state.admission.roster, admission.roster, 'admission');
    this.#expect('admitting');
    if (admission.roster !== contributionsDigest(contributions))
      throw malformed('an admission is of another roster');
    this.#state.admission = admission;
  }

  /** Ciphertexts may leave. @throws ProtocolError FEDERATION_WRONG_STAGE */
  closeAdmission(): void {
    this.#expect('admitting');
    if (this.#state.admission !== null) this.#state.stage = 'uploading';
  }

  /** @throws ProtocolError FEDERATION_NOT_IN_ROUND, FEDERATION_WRONG_STAGE */
  requireUploader(participant: string): void {
    if (this.#contributionOf(participant) === undefined) throw notInRound(participant);
    this.#expect('uploading');
  }

  /** Ciphertexts that are whole and have the form of some. @param digest SHA-256, hex, of all of them, found here */
  addUpload(participant: string, digest: string): void {
    const contribution = this.#contributionOf(participant);
    if (contribution === undefined) throw notInRound(participant);
    if (contribution.ciphertexts !== digest) throw malformed('ciphertexts are not those that were announced');
    const { uploads } = this.#state;
    if (uploads.includes(participant)) return;
    this.#expect('uploading');
    uploads.push(participant);
    uploads.sort();
  }

  /** Who has not uploaded by now has dropped out. @throws ProtocolError FEDERATION_ROUND_ABORTED, FEDERATION_WRONG_STAGE */
  closeUploads(): void {
    this.#expect('uploading');
    const { uploads, terms } = this.#state;
    if (uploads.length < terms.minSurvivors)
      throw this.#end('too-few-survivors', `${uploads.length} of ${terms.minSurvivors} have uploaded`);
    this.#state.stage = 'adding';
  }

  /** @param sum SHA-256, hex, of the sum of all that have uploaded */
  setSum(sum: string): void {
    this.#expect('adding');
    const { admission, uploads } = this.#state;
    const list: SumList = { roster: admission!.roster, survivors: [...uploads], sum };
    Object.assign(this.#state, { list, stage: 'confirming' });
  }

  addConfirmation(given: Confirmation): void {
    const confirmation = checkConfirmation(given);
    const { participant } = confirmation;
    const { list, confirmations } = this.#state;
    if (!isSigned(confirmation, this.#verify)) throw unsigned(participant);
    const before = confirmations.find((each) => each.participant === participant);
    if (before !== undefined) return repeated(before.list, confirmation.list, 'confirmation');
    if (list === null) throw this.#wrongStage('confirming');
    if (!list.survivors.includes(participant)) throw notInRound(participant);
    if (confirmation.list !== sumListDigest(list)) throw malformed('a confirmation is of another list');
    // Who comes when there are enough has done no harm.
    if (this.stage !== 'confirming') return;
    confirmations.push(confirmation);
    confirmations.sort((a, b) => (a.participant < b.participant ? -1 : 1));
  }

  /** Whether so many have confirmed that the sum may be opened. */
  get isConfirmed(): boolean {
    return this.#state.confirmations.length >= auditsNeeded(this.#state.terms);
  }

  /** No more confirmations are waited for. @throws ProtocolError FEDERATION_WRONG_STAGE */
  closeConfirmations(): void {
    this.#expect('confirming');
    if (this.isConfirmed) this.#state.stage = 'opening';
  }

  /** The decryptor's last word. @param digest SHA-256, hex, of the opened sum, found here */
  addOpened(digest: string): void {
    const { opened } = this.#state;
    if (opened !== null) return repeated(opened, digest, 'opened sum');
    this.#expect('opening');
    this.#state.opened = digest;
  }

  /** Once the sum has been read and the model is made of it. */
  finish(): void {
    this.#expect('opening');
    this.#state.stage = 'opened';
  }

  get isOpenable(): boolean {
    return this.#state.opened !== null;
  }

  /** Ends the round without a sum, unless it has come to its end. */
  abort(reason: AbortReason, message: string): void {
    if (this.stage !== 'opened' && this.stage !== 'aborted') this.#end(reason, message);
  }

  #contributionOf(participant: string): Contribution | undefined {
    return this.#state.contributions.find((each) => each.participant === participant);
  }

  #expect(stage: EncryptedSumStage): void {
    if (this.stage !== stage) throw this.#wrongStage(stage);
  }

  #wrongStage(needed: EncryptedSumStage): ProtocolError {
    return new ProtocolError('FEDERATION_WRONG_STAGE', `the round is ${this.stage}, not ${needed}`);
  }

  #end(reason: AbortReason, message: string): ProtocolError {
    Object.assign(this.#state, { stage: 'aborted', aborted: { reason, message } });
    return new ProtocolError('FEDERATION_ROUND_ABORTED', `the round ends without a sum: ${message}`, {
      hint: 'open another round; what this one cost stays spent',
    });
  }
}

/** @throws ProtocolError FEDERATION_EQUIVOCATION unless it is the same */
function repeated(first: string, second: string, what: string): void {
  if (first === second) return;
  throw new ProtocolError('FEDERATION_EQUIVOCATION', `a second ${what} is sent in one round`, {
    hint: 'the first one counts',
  });
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
