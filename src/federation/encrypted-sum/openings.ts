/**
 * What a decryptor opens: in each round one sum, of contributions that as many participants as the terms ask for have signed. Two sums of one round
 * would give their difference away, which may be a single update. That the aggregator has added what was announced, and not less, is not seen from
 * here: aggregator and decryptor must not be in league, and the noise in every update is what is left if they are.
 */
import { ProtocolError } from '../../errors.ts';
import type { RoundTerms } from '../round-terms.ts';
import { checkTerms, isDigest, isName, termsDigest } from '../round-terms.ts';
import { malformed, type VerifyIdentity } from '../secure-aggregation/messages.ts';
import type { Contribution } from './contribution.ts';
import { checkContributions, contributionsDigest, isContributionSigned } from './contribution.ts';

export interface OpeningRequest {
  readonly terms: RoundTerms;
  /** Sorted by participant. */
  readonly contributions: readonly Contribution[];
  /** SHA-256 of the sum's ciphertexts, one after the other, hex. */
  readonly sum: string;
}

/** What was opened, to be kept for good. */
export interface Opening {
  readonly federation: string;
  readonly round: number;
  readonly terms: string;
  readonly contributions: string;
  readonly sum: string;
}

export class Openings {
  readonly #publicKey: string;
  readonly #opened = new Map<string, Opening>();

  /**
   * @param publicKey SHA-256 of the decryptor's public key, hex
   * @param opened all that was ever opened under that key
   */
  constructor(publicKey: string, opened: readonly Opening[] = []) {
    this.#publicKey = publicKey;
    for (const each of opened) {
      const key = roundKey(each.federation, each.round);
      if (this.#opened.has(key)) throw malformed(`two openings are on record for round ${each.round}`);
      this.#opened.set(key, each);
    }
  }

  /**
   * Whether a sum may be opened; the same one may be again.
   * @returns what has to be on record before it is
   * @throws ProtocolError FEDERATION_TERMS_REFUSED, FEDERATION_FORM_REFUSED, FEDERATION_MESSAGE_INVALID, FEDERATION_SIGNATURE_INVALID,
   *   FEDERATION_OPENING_REFUSED
   */
  permit({ terms, contributions, sum }: OpeningRequest, verify: VerifyIdentity): Opening {
    checkTerms(terms, 'bfv-sum');
    if (!isDigest(sum)) throw malformed('the sum is not named by its SHA-256');
    const checked = checkContributions(contributions, terms.maxParticipants);
    const digest = termsDigest(terms);
    for (const each of checked) {
      if (each.terms !== digest) throw refused(`${each.participant} has signed other terms`);
      if (each.publicKey !== this.#publicKey)
        throw refused(`${each.participant} has encrypted under another key`);
      if (!isContributionSigned(each, verify))
        throw new ProtocolError(
          'FEDERATION_SIGNATURE_INVALID',
          `${each.participant} has not signed this contribution`,
        );
    }
    if (checked.length < terms.minSurvivors)
      throw refused(
        `it is of ${checked.length} updates, and of fewer than ${terms.minSurvivors} none is opened`,
      );
    const { federation, round } = terms;
    const opening = { federation, round, terms: digest, contributions: contributionsDigest(checked), sum };
    const before = this.#opened.get(roundKey(federation, round));
    if (before !== undefined && !isSame(before, opening))
      throw refused(`another sum of round ${round} was opened, and their difference would be too`);
    return opening;
  }

  /** Call it once the opening is on record, and before anything is decrypted. */
  record(opening: Opening): void {
    this.#opened.set(roundKey(opening.federation, opening.round), opening);
  }

  all(): readonly Opening[] {
    return [...this.#opened.values()];
  }
}

/** @throws ProtocolError FEDERATION_MESSAGE_INVALID */
export function checkOpening(opening: Opening): Opening {
  const { federation, round, terms, contributions, sum } = opening;
  if (!isName(federation) || !Number.isSafeInteger(round) || ![terms, contributions, sum].every(isDigest))
    throw malformed('an opening on record has another form');
  return { federation, round, terms, contributions, sum };
}

function roundKey(federation: string, round: number): string {
  return `${federation}/${round}`;
}

function isSame(a: Opening, b: Opening): boolean {
  return a.terms === b.terms && a.contributions === b.contributions && a.sum === b.sum;
}

function refused(detail: string): ProtocolError {
  return new ProtocolError('FEDERATION_OPENING_REFUSED', `the sum is not opened: ${detail}`, {
    hint: 'a decryptor opens one sum a round, of contributions that their participants have signed',
  });
}
