/**
 * A participant's side of one encrypted sum: encrypt and announce, let the ciphertexts go once the decryptor has admitted the one list of all that
 * were announced, and confirm a sum that was added up again.
 *
 * Each step may be asked for again and gives the same. Before what a step returned is sent, `state()` has to be stored.
 */
import { InternalError, ProtocolError } from '../../errors.ts';
import type { ByteSource } from '../privacy/random-integers.ts';
import { seededBytes } from '../privacy/random-integers.ts';
import type { RoundTerms } from '../round-terms.ts';
import { checkTerms, isName, termsDigest } from '../round-terms.ts';
import { refused } from '../secure-aggregation/accept-roster.ts';
import type { Confirmation, Identity, VerifyIdentity } from '../secure-aggregation/messages.ts';
import { confirmationBytes, toBase64 } from '../secure-aggregation/messages.ts';
import type { AcceptedContributions } from './accept-contributions.ts';
import { acceptContributions, acceptList, listRefused } from './accept-contributions.ts';
import type { Contribution } from './contribution.ts';
import { contribute } from './contribution.ts';
import type { Admission, SumKey, SumList } from './sum-messages.ts';
import {
  checkAdmission,
  checkSumKey,
  isAdmissionSigned,
  isKeySigned,
  sumListDigest,
} from './sum-messages.ts';

export type EncryptedStage = 'begun' | 'announced' | 'released' | 'confirmed' | 'aborted';

/** JSON. SECRET: who has its noise can take it off what the update is in. */
export interface EncryptedState {
  readonly version: 1;
  readonly terms: RoundTerms;
  readonly name: string;
  stage: EncryptedStage;
  /** Base64, 32 bytes; null once the round is over for this participant. */
  secrets: { readonly noise: string } | null;
  contribution: Contribution | null;
  /** The one list of contributions for which it let its ciphertexts go. */
  roster: readonly Contribution[] | null;
  confirmation: Confirmation | null;
  /** Why it left the round. */
  aborted: string | null;
}

const SEED_BYTES = 32;

export class EncryptedParticipant {
  readonly #state: EncryptedState;
  readonly #identity: Identity;

  private constructor(state: EncryptedState, identity: Identity) {
    this.#state = state;
    this.#identity = identity;
  }

  /**
   * @param random of the operating system; the seed of the noise is drawn from it
   * @throws ProtocolError FEDERATION_TERMS_REFUSED, FEDERATION_FORM_REFUSED
   */
  static join(terms: RoundTerms, name: string, identity: Identity, random: ByteSource): EncryptedParticipant {
    checkTerms(terms, 'bfv-sum');
    if (!isName(name)) throw new InternalError('a participant without a proper name');
    const noise = new Uint8Array(SEED_BYTES);
    random(noise);
    const nothing = { contribution: null, roster: null, confirmation: null, aborted: null };
    const secrets = { noise: toBase64(noise) };
    return new EncryptedParticipant(
      { version: 1, terms: structuredClone(terms), name, stage: 'begun', secrets, ...nothing },
      identity,
    );
  }

  /** @param state what `state()` gave, unchanged */
  static resume(state: EncryptedState, identity: Identity): EncryptedParticipant {
    if (state.version !== 1)
      throw new InternalError(`a participant’s state of version ${String(state.version)}`);
    return new EncryptedParticipant(structuredClone(state), identity);
  }

  /** JSON. SECRET. */
  state(): EncryptedState {
    return structuredClone(this.#state);
  }

  get stage(): EncryptedStage {
    return this.#state.stage;
  }

  get name(): string {
    return this.#state.name;
  }

  get terms(): RoundTerms {
    return this.#state.terms;
  }

  /** Null until it is announced. */
  get contribution(): Contribution | null {
    return this.#state.contribution;
  }

  /** Whether any of its ciphertexts may have left. */
  get hasReleased(): boolean {
    return this.#state.roster !== null;
  }

  /** What this round's noise is drawn from: the same after a restart. */
  noiseBytes(): ByteSource {
    const { secrets, stage } = this.#state;
    if (secrets === null) throw wrongStage(stage, 'begun');
    return seededBytes(`noise ${secrets.noise}`);
  }

  /**
   * Whether updates may be encrypted under this key.
   * @throws ProtocolError FEDERATION_MESSAGE_INVALID, FEDERATION_ROSTER_REFUSED, FEDERATION_SIGNATURE_INVALID
   */
  checkKey(given: SumKey, publicKey: string, decryptor: string, verify: VerifyIdentity): void {
    const key = checkSumKey(given);
    if (key.terms !== termsDigest(this.terms) || key.publicKey !== publicKey)
      throw refused('the key is not the one that was signed for this round');
    if (!isKeySigned(key, decryptor, verify))
      throw new ProtocolError('FEDERATION_SIGNATURE_INVALID', `${decryptor} has not signed this key`);
  }

  /** Signs what was encrypted, once. @param sums SHA-256, hex, of the key and of all ciphertexts */
  announce(sums: Pick<Contribution, 'publicKey' | 'ciphertexts'>): Contribution {
    const state = this.#state;
    if (state.contribution !== null) return state.contribution;
    this.#expect('begun');
    const contribution = contribute(state.terms, state.name, sums, this.#identity);
    Object.assign(state, { contribution, stage: 'announced' });
    return contribution;
  }

  /**
   * Accepts one list of all that were announced, as the decryptor has admitted it, and never a second one. Then, and no sooner, ciphertexts may leave.
   * @throws ProtocolError FEDERATION_ROSTER_REFUSED, FEDERATION_SIGNATURE_INVALID, FEDERATION_MESSAGE_INVALID, FEDERATION_EQUIVOCATION,
   *   FEDERATION_WRONG_STAGE
   */
  release(
    roster: readonly Contribution[],
    given: Admission,
    decryptor: string,
    verify: VerifyIdentity,
  ): AcceptedContributions {
    const state = this.#state;
    const own = state.contribution;
    if (own === null) throw wrongStage(state.stage, 'announced');
    const accepted = acceptContributions(roster, state.terms, own.publicKey, verify);
    if (accepted.contributions.get(state.name)?.ciphertexts !== own.ciphertexts)
      throw refused('this participant’s update is not on it as it was announced');
    const admission = checkAdmission(given);
    if (admission.roster !== accepted.digest || !isAdmissionSigned(admission, decryptor, verify))
      throw refused(`${decryptor} has not admitted it`);
    if (state.roster === null) {
      this.#expect('announced');
      Object.assign(state, { roster: structuredClone(roster), stage: 'released' });
    } else if (this.roster().digest !== accepted.digest) throw equivocation('roster');
    return accepted;
  }

  /** What it let its ciphertexts go for. @throws ProtocolError FEDERATION_WRONG_STAGE */
  roster(): AcceptedContributions {
    const { roster, terms, contribution, stage } = this.#state;
    if (roster === null) throw wrongStage(stage, 'released');
    return acceptContributions(roster, terms, contribution!.publicKey, null);
  }

  /** @throws ProtocolError FEDERATION_LIST_REFUSED, FEDERATION_MESSAGE_INVALID, FEDERATION_WRONG_STAGE */
  checkList(list: SumList): SumList {
    return acceptList(list, this.roster(), this.terms);
  }

  /**
   * Signs that the sum is the one of the survivors' ciphertexts, of one list a round.
   * @param added SHA-256, hex, of what those ciphertexts add up to, worked out here
   * @throws ProtocolError FEDERATION_LIST_REFUSED, FEDERATION_EQUIVOCATION, FEDERATION_MESSAGE_INVALID, FEDERATION_WRONG_STAGE
   */
  confirm(given: SumList, added: string): Confirmation {
    const state = this.#state;
    const list = this.checkList(given);
    const digest = sumListDigest(list);
    if (state.confirmation !== null) {
      if (state.confirmation.list !== digest) throw equivocation('list of survivors');
      return state.confirmation;
    }
    this.#expect('released');
    if (added !== list.sum) throw listRefused('its sum is not that of the ciphertexts that were announced');
    const unsigned = { participant: state.name, list: digest };
    const signature = toBase64(this.#identity.sign(confirmationBytes(unsigned)));
    const confirmation = { ...unsigned, signature };
    Object.assign(state, { confirmation, stage: 'confirmed' });
    return confirmation;
  }

  /** Leaves the round, or has come to its end; its secrets are gone. What was spent stays spent. */
  abort(reason: string): void {
    Object.assign(this.#state, { secrets: null, stage: 'aborted', aborted: reason });
  }

  #expect(stage: EncryptedStage): void {
    if (this.#state.stage !== stage) throw wrongStage(this.#state.stage, stage);
  }
}

function wrongStage(stage: EncryptedStage, needed: EncryptedStage): ProtocolError {
  return new ProtocolError(
    'FEDERATION_WRONG_STAGE',
    `this participant has ${stage}; the step needs one that has ${needed}`,
  );
}

function equivocation(what: string): ProtocolError {
  return new ProtocolError('FEDERATION_EQUIVOCATION', `the aggregator shows a second ${what} for one round`, {
    hint: 'it is broken or hostile: leave the round',
  });
}
