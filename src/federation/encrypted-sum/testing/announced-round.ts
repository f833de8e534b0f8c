/** Six participants, a decryptor and an aggregator at any step of an encrypted sum, without encryption: digests stand for ciphertexts. */
import { systemBytes } from '../../privacy/random-integers.ts';
import type { RoundTerms } from '../../round-terms.ts';
import { Enrolment, names, roundTerms, viaJson } from '../../secure-aggregation/testing/simulated-round.ts';
import type { Contribution } from '../contribution.ts';
import { RoundDecryptor } from '../decryptor.ts';
import { EncryptedParticipant } from '../participant.ts';
import type { Admission, SumList } from '../sum-messages.ts';

export const DECRYPTOR = 'decryptor';
export const KEY = 'b'.repeat(64);
export const SUM = 'c'.repeat(64);
export const SITES = names(6);
export const TERMS = roundTerms({ protocol: 'bfv-sum', minSurvivors: 4, colluders: 1 });
export const ENROLMENT = new Enrolment([...SITES, DECRYPTOR]);

export const digestFor = (name: string): string =>
  Buffer.from(name).toString('hex').padStart(64, '0').slice(-64);

export function participant(name: string, terms: RoundTerms = TERMS): EncryptedParticipant {
  return EncryptedParticipant.join(terms, name, ENROLMENT.identity(name), systemBytes);
}

/** As it is announced; then damaged. */
export function announced(name: string, change: Partial<Contribution> = {}, terms = TERMS): Contribution {
  const made = participant(name, terms).announce({ publicKey: KEY, ciphertexts: digestFor(name) });
  return viaJson({ ...made, ...change });
}

export const CONTRIBUTIONS = SITES.map((name) => announced(name));

export interface Admitted {
  readonly decryptor: RoundDecryptor;
  readonly admission: Admission;
  readonly participants: readonly EncryptedParticipant[];
  /** Of the first five, adding up to `SUM`. */
  readonly list: SumList;
}

/** Everybody has let its ciphertexts go. */
export function admitted(): Admitted {
  const decryptor = RoundDecryptor.begin(TERMS, KEY);
  const participants = SITES.map((name) => participant(name));
  const contributions = participants.map((each) =>
    each.announce({ publicKey: KEY, ciphertexts: digestFor(each.name) }),
  );
  const admission = decryptor.admit(contributions, ENROLMENT.identity(DECRYPTOR), ENROLMENT.verify);
  for (const each of participants) each.release(contributions, admission, DECRYPTOR, ENROLMENT.verify);
  const list = { roster: admission.roster, survivors: SITES.slice(0, 5), sum: SUM };
  return { decryptor, admission, participants, list };
}

/** The code of what it throws, or 'done'. */
export function code(run: () => unknown): string {
  try {
    run();
    return 'done';
  } catch (error) {
    return (error as { code: string }).code;
  }
}
