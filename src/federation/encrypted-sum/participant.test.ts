/** What a participant of an encrypted sum lets go and signs, and what it refuses. */
import { describe, expect, it } from 'vitest';
import { viaJson } from '../secure-aggregation/testing/simulated-round.ts';
import { auditorsOf } from './accept-contributions.ts';
import type { Contribution } from './contribution.ts';
import { RoundDecryptor } from './decryptor.ts';
import { EncryptedParticipant } from './participant.ts';
import { signAdmission, signSumKey } from './sum-messages.ts';
import {
  admitted,
  announced,
  code,
  CONTRIBUTIONS,
  DECRYPTOR,
  digestFor,
  ENROLMENT,
  KEY,
  participant,
  SITES,
  SUM,
  TERMS,
} from './testing/announced-round.ts';

const { verify } = ENROLMENT;
const [OWN] = SITES as [string];
const sums = { publicKey: KEY, ciphertexts: digestFor(OWN) };

describe('a participant', () => {
  it('encrypts under a key that the decryptor has signed for this round, and no other', () => {
    const one = participant(OWN);
    const key = signSumKey(TERMS, KEY, ENROLMENT.identity(DECRYPTOR));
    const check = (given = key, publicKey = KEY, of = one): string =>
      code(() => of.checkKey(given, publicKey, DECRYPTOR, verify));
    expect(check()).toBe('done');
    expect(check(signSumKey(TERMS, KEY, ENROLMENT.identity(SITES[1]!)))).toBe('FEDERATION_SIGNATURE_INVALID');
    expect(check(key, 'e'.repeat(64))).toBe('FEDERATION_ROSTER_REFUSED');
    expect(check(key, KEY, participant(OWN, { ...TERMS, round: 2 }))).toBe('FEDERATION_ROSTER_REFUSED');
  });

  it('announces one update a round', () => {
    const one = participant(OWN);
    const contribution = one.announce(sums);
    expect(one.announce({ ...sums, ciphertexts: 'e'.repeat(64) })).toEqual(contribution);
  });

  it('lets go of nothing unless the decryptor has admitted a list with its own announcement on it', () => {
    const admission = RoundDecryptor.begin(TERMS, KEY).admit(
      CONTRIBUTIONS,
      ENROLMENT.identity(DECRYPTOR),
      verify,
    );
    const release = (roster: readonly Contribution[], given = admission): string => {
      const one = participant(OWN);
      one.announce(sums);
      const result = code(() => one.release(roster, given, DECRYPTOR, verify));
      expect(one.hasReleased).toBe(result === 'done');
      return result;
    };
    expect(release(CONTRIBUTIONS)).toBe('done');
    const foreign = signAdmission(admission.roster, ENROLMENT.identity(SITES[1]!));
    expect(release(CONTRIBUTIONS, foreign)).toBe('FEDERATION_ROSTER_REFUSED');
    expect(release(CONTRIBUTIONS.slice(0, 5))).toBe('FEDERATION_ROSTER_REFUSED');
    expect(release(CONTRIBUTIONS.slice(1))).toBe('FEDERATION_ROSTER_REFUSED');
    expect(release(CONTRIBUTIONS.slice(0, 3))).toBe('FEDERATION_ROSTER_REFUSED');
    // Admitted, but with another digest in this participant's name, which it has signed under other circumstances.
    const others = [announced(OWN, {}), ...CONTRIBUTIONS.slice(1)];
    const own = participant(OWN).announce({ ...sums, ciphertexts: 'e'.repeat(64) });
    const swapped = [own, ...others.slice(1)];
    const admittedSwapped = RoundDecryptor.begin(TERMS, KEY).admit(
      swapped,
      ENROLMENT.identity(DECRYPTOR),
      verify,
    );
    expect(release(swapped, admittedSwapped)).toBe('FEDERATION_ROSTER_REFUSED');
    expect(code(() => participant(OWN).release(CONTRIBUTIONS, admission, DECRYPTOR, verify))).toBe(
      'FEDERATION_WRONG_STAGE',
    );
  });

  it('lets go for one list, over restarts too', () => {
    const { participants, admission } = admitted();
    const fewer = CONTRIBUTIONS.slice(0, 5);
    const other = RoundDecryptor.begin(TERMS, KEY).admit(fewer, ENROLMENT.identity(DECRYPTOR), verify);
    const [one] = participants as [EncryptedParticipant];
    const restarted = EncryptedParticipant.resume(viaJson(one.state()), ENROLMENT.identity(OWN));
    for (const each of [one, restarted]) {
      const roster = each.state().roster!;
      expect(each.release(roster, admission, DECRYPTOR, verify).digest).toBe(admission.roster);
      expect(code(() => each.release(fewer, other, DECRYPTOR, verify))).toBe('FEDERATION_EQUIVOCATION');
    }
  });

  it('confirms one sum, which it has worked out itself', () => {
    const { participants, list } = admitted();
    const [one, two] = participants as [EncryptedParticipant, EncryptedParticipant];
    expect(code(() => one.confirm(list, 'd'.repeat(64)))).toBe('FEDERATION_LIST_REFUSED');
    expect(code(() => one.confirm({ ...list, sum: digestFor(SITES[1]!) }, SUM))).toBe(
      'FEDERATION_LIST_REFUSED',
    );
    expect(code(() => one.confirm({ ...list, survivors: SITES.slice(0, 3) }, SUM))).toBe(
      'FEDERATION_LIST_REFUSED',
    );
    const confirmation = one.confirm(list, SUM);
    expect(one.confirm(list, SUM)).toEqual(confirmation);
    const other = { ...list, survivors: SITES.slice(0, 4) };
    expect(code(() => one.confirm(other, SUM))).toBe('FEDERATION_EQUIVOCATION');
    two.abort('left');
    expect(code(() => two.confirm(list, SUM))).toBe('FEDERATION_WRONG_STAGE');
    expect(two.state().secrets).toBeNull();
  });

  it('adds up again where the lot has fallen on it: on twice as many as are needed', () => {
    const { list } = admitted();
    const auditors = auditorsOf(list, TERMS);
    expect(auditors.size).toBe(4);
    for (const name of auditors) expect(list.survivors).toContain(name);
    expect(auditorsOf(list, { ...TERMS, colluders: 9 })).toEqual(new Set(list.survivors));
    // Drawn anew for each roster: in the end everybody has been drawn.
    const drawn = Array.from({ length: 50 }, (_, i) => [
      ...auditorsOf({ ...list, roster: String(i).padStart(64, '0') }, TERMS),
    ]);
    expect(new Set(drawn.flat())).toEqual(new Set(list.survivors));
  });
});
