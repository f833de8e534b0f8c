/** What a decryptor signs and opens, and everything that it does not. */
import { describe, expect, it } from 'vitest';
import { roundTerms, viaJson } from '../secure-aggregation/testing/simulated-round.ts';
import type { Confirmation } from '../secure-aggregation/messages.ts';
import { auditsNeeded } from './accept-contributions.ts';
import type { Contribution } from './contribution.ts';
import { RoundDecryptor } from './decryptor.ts';
import type { SumList } from './sum-messages.ts';
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
  TERMS,
} from './testing/announced-round.ts';

const { verify } = ENROLMENT;
const identity = ENROLMENT.identity(DECRYPTOR);
const four = CONTRIBUTIONS.slice(0, 4);
const [first, second] = CONTRIBUTIONS as [Contribution, Contribution];
const rekeyed = participant(SITES[0]!).announce({
  publicKey: 'e'.repeat(64),
  ciphertexts: first.ciphertexts,
});
/** Signed by its own participant, as everything that is announced. */
const copied = participant(SITES[0]!).announce({ publicKey: KEY, ciphertexts: second.ciphertexts });

describe('a decryptor admits', () => {
  it('one list of contributions a round, and the same one again, after a restart too', () => {
    const decryptor = RoundDecryptor.begin(TERMS, KEY);
    const admission = decryptor.admit(CONTRIBUTIONS, identity, verify);
    const restarted = RoundDecryptor.resume(viaJson(decryptor.state()));
    for (const each of [decryptor, restarted]) {
      expect(each.admit(CONTRIBUTIONS, identity, verify)).toEqual(admission);
      expect(code(() => each.admit(four, identity, verify))).toBe('FEDERATION_OPENING_REFUSED');
    }
  });

  it.each<[string, string, readonly Contribution[]]>([
    ['four, as many as the terms ask for', 'done', four],
    ['fewer than the terms ask for', 'FEDERATION_ROSTER_REFUSED', four.slice(1)],
    ['one twice', 'FEDERATION_MESSAGE_INVALID', [first, ...four]],
    [
      'one that is not signed',
      'FEDERATION_SIGNATURE_INVALID',
      [announced(SITES[0]!, { signature: second.signature }), ...four.slice(1)],
    ],
    [
      'one in another’s name',
      'FEDERATION_SIGNATURE_INVALID',
      [{ ...second, participant: SITES[0]! }, ...four.slice(2), CONTRIBUTIONS[4]!],
    ],
    [
      'one of another round',
      'FEDERATION_ROSTER_REFUSED',
      [announced(SITES[0]!, {}, roundTerms({ ...TERMS, round: 2 })), ...four.slice(1)],
    ],
    ['one under another key', 'FEDERATION_ROSTER_REFUSED', [rekeyed, ...four.slice(1)]],
    ['ciphertexts that another has announced', 'FEDERATION_ROSTER_REFUSED', [copied, ...four.slice(1)]],
    [
      'other digests than were signed',
      'FEDERATION_SIGNATURE_INVALID',
      [announced(SITES[0]!, { ciphertexts: 'e'.repeat(64) }), ...four.slice(1)],
    ],
    ['what is no list', 'FEDERATION_MESSAGE_INVALID', {} as Contribution[]],
  ])('%s: %s', (_what, expected, contributions) => {
    const decryptor = RoundDecryptor.begin(TERMS, KEY);
    const sorted = Array.isArray(contributions)
      ? [...(contributions as readonly Contribution[])].sort((a, b) =>
          a.participant < b.participant ? -1 : 1,
        )
      : contributions;
    expect(code(() => decryptor.admit(sorted, identity, verify))).toBe(expected);
    expect(decryptor.state().roster === null).toBe(expected !== 'done');
  });

  it('no terms of masks, and none that hide nobody', () => {
    expect(code(() => RoundDecryptor.begin(roundTerms(), KEY))).toBe('FEDERATION_TERMS_REFUSED');
    const few = roundTerms({ ...TERMS, minSurvivors: 3, colluders: 2 });
    expect(code(() => RoundDecryptor.begin(few, KEY))).toBe('FEDERATION_TERMS_REFUSED');
  });
});

describe('a decryptor opens', () => {
  const round = admitted();
  const confirmed = (of: SumList, from = [0, 1]): Confirmation[] => {
    const { participants } = admitted();
    return from.map((i) => viaJson(participants[i]!.confirm(of, of.sum)));
  };
  const ready = (): RoundDecryptor => RoundDecryptor.resume({ ...viaJson(round.decryptor.state()) });
  const { list } = round;

  it('one sum a round, and the same one again, after a restart too', () => {
    const decryptor = ready();
    expect(decryptor.permit(list, confirmed(list), verify)).toEqual(list);
    const restarted = RoundDecryptor.resume(viaJson(decryptor.state()));
    const fewer = { ...list, survivors: SITES.slice(0, 4) };
    const other = { ...list, sum: 'd'.repeat(64) };
    for (const each of [decryptor, restarted]) {
      expect(each.permit(list, confirmed(list), verify)).toEqual(list);
      for (const second of [fewer, other])
        expect(code(() => each.permit(second, confirmed(second), verify))).toBe('FEDERATION_OPENING_REFUSED');
    }
  });

  it('nothing before it has admitted contributions', () => {
    const decryptor = RoundDecryptor.begin(TERMS, KEY);
    expect(code(() => decryptor.permit(list, confirmed(list), verify))).toBe('FEDERATION_OPENING_REFUSED');
  });

  it.each<[string, string, Partial<SumList>]>([
    ['a sum of fewer than the terms ask for', 'FEDERATION_LIST_REFUSED', { survivors: SITES.slice(0, 3) }],
    [
      'a single contribution as a sum',
      'FEDERATION_LIST_REFUSED',
      { survivors: [SITES[0]!], sum: digestFor(SITES[0]!) },
    ],
    [
      'a sum with a stranger in it',
      'FEDERATION_LIST_REFUSED',
      { survivors: [...SITES.slice(0, 4), 'stranger'] },
    ],
    ['a sum of another roster', 'FEDERATION_LIST_REFUSED', { roster: 'e'.repeat(64) }],
    [
      'somebody twice',
      'FEDERATION_MESSAGE_INVALID',
      { survivors: [SITES[0]!, SITES[0]!, ...SITES.slice(1, 4)] },
    ],
    ['what has no digest', 'FEDERATION_MESSAGE_INVALID', { sum: 'sum' }],
    // Nobody has confirmed it: the digest is of what was confirmed.
    ['another sum than was confirmed', 'FEDERATION_OPENING_REFUSED', { sum: digestFor(SITES[0]!) }],
  ])('not %s: %s', (_what, expected, change) => {
    const decryptor = ready();
    expect(code(() => decryptor.permit({ ...list, ...change }, confirmed(list), verify))).toBe(expected);
    expect(decryptor.state().opened).toBeNull();
  });

  it.each([
    [0, 2],
    [1, 2],
    [2, 3],
  ])('with %i colluders only what %i have confirmed', (colluders, needed) => {
    expect(auditsNeeded({ ...TERMS, colluders })).toBe(needed);
  });

  it('only what one more has confirmed than may collude, each of them a survivor', () => {
    const [one, two] = confirmed(list) as [Confirmation, Confirmation];
    const dropout = { ...two, participant: SITES[5]! };
    const cases: [string, Confirmation[]][] = [
      ['FEDERATION_CONFIRMATIONS_MISSING', []],
      ['FEDERATION_CONFIRMATIONS_MISSING', [one]],
      ['FEDERATION_MESSAGE_INVALID', [one, one]],
      ['FEDERATION_SIGNATURE_INVALID', [one, { ...two, signature: one.signature }]],
      ['FEDERATION_OPENING_REFUSED', [one, dropout]],
      ['done', [one, two]],
    ];
    for (const [expected, confirmations] of cases)
      expect(code(() => ready().permit(list, confirmations, verify))).toBe(expected);
  });
});
