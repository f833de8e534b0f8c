/** What a round is about. Participants sign its digest with every key they announce, so that nobody can be brought to take part in another round. */
import { ProtocolError } from '../errors.ts';
import { digestOf } from './encoding.ts';
import type { RoundNoise, UpdateForm } from './update/update-form.ts';
import { checkUpdateForm } from './update/update-form.ts';

export interface RoundTerms {
  readonly federation: string;
  /** Counts from 1. */
  readonly round: number;
  /** SHA-256, hex, of the global model that updates start from. */
  readonly model: string;
  readonly form: UpdateForm;
  readonly noise: RoundNoise;
  readonly protocol: 'secure-aggregation' | 'bfv-sum';
  /** No more may join: the sum must not wrap. */
  readonly maxParticipants: number;
  /** No sum of fewer updates is opened. */
  readonly minSurvivors: number;
  /** Participants that may be in league with the aggregator. */
  readonly colluders: number;
  /** k: how many others each participant shares masks and secrets with. Even, unless it is all of them. */
  readonly neighbours: number;
  /** Of a participant's k neighbours, the fraction that can rebuild one of its secrets; above 2/3, at most 1. */
  readonly shareThreshold: number;
  /** δ of what the round costs. */
  readonly delta: number;
}

export const MOST_PARTICIPANTS = 10_000;
/** Shares of one secret are points of a field of 256 elements. */
export const MOST_NEIGHBOURS = 254;

/** What follows from the terms for a roster of n. */
export interface RosterRules {
  /** k: neighbours of each. */
  readonly neighbours: number;
  /** t: shares that rebuild a secret; fewer tell nothing. */
  readonly threshold: number;
  /** Confirmations of one survivor list, so that no second one can have as many: more than half of all that are not colluders, and the colluders. */
  readonly quorum: number;
}

const TERM_FIELDS = {
  federation: 'string',
  round: 'number',
  model: 'string',
  protocol: 'string',
  maxParticipants: 'number',
  minSurvivors: 'number',
  colluders: 'number',
  neighbours: 'number',
  shareThreshold: 'number',
  delta: 'number',
} as const;
const NAME = /^[A-Za-z0-9._-]{1,128}$/;
const DIGEST = /^[0-9a-f]{64}$/;

export function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value);
}

export function isDigest(value: unknown): value is string {
  return typeof value === 'string' && DIGEST.test(value);
}

/** Whether it has the fields of terms, of whatever value: nothing else has a digest. */
export function isTerms(value: unknown): value is RoundTerms {
  const fields = (of: unknown, names: Readonly<Record<string, 'string' | 'number'>>): boolean =>
    typeof of === 'object' &&
    of !== null &&
    Object.entries(names).every(([name, type]) => typeof (of as Record<string, unknown>)[name] === type);
  return (
    fields(value, TERM_FIELDS) &&
    fields((value as RoundTerms).form, {
      length: 'number',
      clip: 'number',
      norm: 'string',
      scale: 'number',
    }) &&
    fields((value as RoundTerms).noise, { mechanism: 'string', parameter: 'number' })
  );
}

/**
 * Everything that can be said before anybody has joined.
 * @throws ProtocolError FEDERATION_TERMS_REFUSED, FEDERATION_FORM_REFUSED
 */
export function checkTerms(terms: RoundTerms, protocol: RoundTerms['protocol']): void {
  if (!isTerms(terms)) throw refused('they lack fields');
  const { federation, round, model, minSurvivors, maxParticipants, colluders, neighbours } = terms;
  if (!isName(federation)) throw refused('the federation has no proper name');
  if (!Number.isSafeInteger(round) || round < 1) throw refused('rounds count from 1');
  if (!isDigest(model)) throw refused('the global model is not named by its SHA-256');
  if (terms.protocol !== protocol) throw refused(`another protocol than ${protocol}`);
  if (!Number.isInteger(maxParticipants) || maxParticipants < 3 || maxParticipants > MOST_PARTICIPANTS)
    throw refused(`${maxParticipants} participants, not 3 to ${MOST_PARTICIPANTS}`);
  if (!Number.isInteger(colluders) || colluders < 0) throw refused(`${colluders} colluders`);
  if (!Number.isInteger(minSurvivors) || minSurvivors < 3 || minSurvivors > maxParticipants)
    throw refused(`sums of ${minSurvivors} updates, not of 3 to ${maxParticipants}`);
  // The sum of one honest update and of what colluders know is that update.
  if (minSurvivors - colluders < 2)
    throw refused(`sums of ${minSurvivors} updates, of which ${colluders} are known: that hides none`);
  if (!Number.isInteger(neighbours) || neighbours < 2) throw refused(`${neighbours} neighbours of each`);
  if (!(terms.shareThreshold > 2 / 3 && terms.shareThreshold <= 1))
    throw refused(`a share threshold of ${terms.shareThreshold}, not above 2/3 and at most 1`);
  if (!(terms.delta > 0 && terms.delta < 1)) throw refused(`δ = ${terms.delta}`);
  checkUpdateForm(terms.form, terms.noise, maxParticipants);
}

/**
 * @param n participants on the roster
 * @throws ProtocolError FEDERATION_TERMS_REFUSED if so many cannot keep the terms' promises
 */
export function rosterRules(terms: RoundTerms, n: number): RosterRules {
  if (n < terms.minSurvivors || n > terms.maxParticipants)
    throw refused(`${n} joined, not ${terms.minSurvivors} to ${terms.maxParticipants}`);
  const neighbours = Math.min(terms.neighbours, n - 1);
  if (neighbours > MOST_NEIGHBOURS)
    throw refused(`${neighbours} neighbours of each, not up to ${MOST_NEIGHBOURS}`);
  if (neighbours < n - 1 && neighbours % 2 !== 0)
    throw refused(`an odd number of neighbours, ${neighbours}, for a circle of ${n}`);
  const threshold = Math.min(neighbours, Math.max(2, Math.ceil(terms.shareThreshold * neighbours)));
  if (threshold <= terms.colluders)
    throw refused(
      `${terms.colluders} colluders could rebuild secrets, for which ${threshold} shares suffice`,
    );
  const quorum = Math.floor((n + terms.colluders) / 2) + 1;
  if (quorum > n) throw refused(`${terms.colluders} colluders among ${n} could confirm two survivor lists`);
  return { neighbours, threshold, quorum };
}

export function termsDigest(terms: RoundTerms): string {
  const { form, noise } = terms;
  return digestOf('terms', [
    terms.federation,
    terms.round,
    terms.model,
    ...[form.length, form.clip, form.norm, form.scale],
    ...[noise.mechanism, noise.parameter],
    terms.protocol,
    ...[terms.maxParticipants, terms.minSurvivors, terms.colluders],
    ...[terms.neighbours, terms.shareThreshold, terms.delta],
  ]);
}

function refused(detail: string): ProtocolError {
  return new ProtocolError('FEDERATION_TERMS_REFUSED', `the round’s terms are refused: ${detail}`, {
    hint: 'see the table of policies; fewer colluders, more neighbours or more survivors may help',
  });
}
