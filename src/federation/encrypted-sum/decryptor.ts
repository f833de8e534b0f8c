/**
 * What a decryptor does in one round, and never twice: it signs one key, admits one list of contributions before any ciphertext has left, and opens
 * one sum of at least as many of them as the terms ask for. Two sums of one round would give their difference away, which may be a single update.
 *
 * It never sees a single ciphertext, since it could open it. That the sum is the one of the ciphertexts that were announced, more participants
 * confirm than may be in league with the aggregator: each of them has added up again.
 *
 * Before what a step returned is sent, and before anything is decrypted, `state()` has to be stored.
 */
import { InternalError, ProtocolError } from '../../errors.ts';
import type { RoundTerms } from '../round-terms.ts';
import { checkTerms } from '../round-terms.ts';
import type { Confirmation, Identity, VerifyIdentity } from '../secure-aggregation/messages.ts';
import { checkConfirmation, checkList, checkNames, isSigned } from '../secure-aggregation/messages.ts';
import { acceptContributions, acceptList, auditsNeeded } from './accept-contributions.ts';
import type { Contribution } from './contribution.ts';
import type { Admission, SumKey, SumList } from './sum-messages.ts';
import { signAdmission, signSumKey, sumListDigest } from './sum-messages.ts';

/** JSON, without the secret key. */
export interface DecryptorState {
  readonly version: 1;
  readonly terms: RoundTerms;
  /** SHA-256 of the round's public key, hex. */
  readonly publicKey: string;
  /** The one list that was admitted. */
  roster: readonly Contribution[] | null;
  /** The one sum that was, or is about to be, opened. */
  opened: SumList | null;
}

export class RoundDecryptor {
  readonly #state: DecryptorState;

  private constructor(state: DecryptorState) {
    this.#state = state;
  }

  /**
   * @param publicKey SHA-256 of a key that was made for this round, hex
   * @throws ProtocolError FEDERATION_TERMS_REFUSED, FEDERATION_FORM_REFUSED
   */
  static begin(terms: RoundTerms, publicKey: string): RoundDecryptor {
    checkTerms(terms, 'bfv-sum');
    return new RoundDecryptor({
      version: 1,
      terms: structuredClone(terms),
      publicKey,
      roster: null,
      opened: null,
    });
  }

  /** @param state what `state()` gave */
  static resume(state: DecryptorState): RoundDecryptor {
    if (state.version !== 1)
      throw new InternalError(`a decryptor’s state of version ${String(state.version)}`);
    return new RoundDecryptor(structuredClone(state));
  }

  /** JSON. */
  state(): DecryptorState {
    return structuredClone(this.#state);
  }

  get terms(): RoundTerms {
    return this.#state.terms;
  }

  key(identity: Identity): SumKey {
    return signSumKey(this.terms, this.#state.publicKey, identity);
  }

  /**
   * @throws ProtocolError FEDERATION_MESSAGE_INVALID, FEDERATION_ROSTER_REFUSED, FEDERATION_SIGNATURE_INVALID, FEDERATION_OPENING_REFUSED if another
   *   list was admitted before
   */
  admit(contributions: readonly Contribution[], identity: Identity, verify: VerifyIdentity): Admission {
    const { terms, publicKey, roster } = this.#state;
    const { digest } = acceptContributions(contributions, terms, publicKey, verify);
    if (roster === null) this.#state.roster = structuredClone(contributions);
    else if (acceptContributions(roster, terms, publicKey, null).digest !== digest)
      throw refused('another list of contributions was admitted in this round');
    return signAdmission(digest, identity);
  }

  /**
   * Whether a sum may be opened; the same one may be again. It is on record from here on.
   * @throws ProtocolError FEDERATION_MESSAGE_INVALID, FEDERATION_LIST_REFUSED, FEDERATION_SIGNATURE_INVALID, FEDERATION_CONFIRMATIONS_MISSING,
   *   FEDERATION_OPENING_REFUSED
   */
  permit(given: SumList, confirmations: readonly Confirmation[], verify: VerifyIdentity): SumList {
    const { terms, publicKey, roster, opened } = this.#state;
    if (roster === null) throw refused('no contributions were admitted');
    const list = acceptList(given, acceptContributions(roster, terms, publicKey, null), terms);
    const digest = sumListDigest(list);
    if (opened !== null && sumListDigest(opened) !== digest)
      throw refused('another sum of this round was opened, and their difference would be too');
    checkList(confirmations, list.survivors.length, 'confirmations');
    const checked = confirmations.map(checkConfirmation);
    checkNames(checked.map(({ participant }) => participant));
    for (const each of checked) {
      if (!list.survivors.includes(each.participant) || each.list !== digest)
        throw refused(`${each.participant} has confirmed something else`);
      if (!isSigned(each, verify))
        throw new ProtocolError(
          'FEDERATION_SIGNATURE_INVALID',
          `${each.participant} has not signed this confirmation`,
        );
    }
    const needed = auditsNeeded(terms);
    if (checked.length < needed)
      throw new ProtocolError(
        'FEDERATION_CONFIRMATIONS_MISSING',
        `${checked.length} of ${needed} have confirmed the sum`,
      );
    this.#state.opened ??= list;
    return list;
  }
}

function refused(detail: string): ProtocolError {
  return new ProtocolError('FEDERATION_OPENING_REFUSED', `the sum is not opened: ${detail}`, {
    hint: 'a decryptor opens one sum a round, of contributions that their participants have signed',
  });
}
