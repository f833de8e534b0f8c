import { describe, expect, it } from 'vitest';
import { Enrolment, names, roundTerms, viaJson } from '../secure-aggregation/testing/simulated-round.ts';
import type { Contribution } from './contribution.ts';
import { contribute } from './contribution.ts';
import type { OpeningRequest } from './openings.ts';
import { checkOpening, Openings } from './openings.ts';

const KEY = 'b'.repeat(64);
const SUM = 'c'.repeat(64);
const terms = roundTerms({ protocol: 'bfv-sum', minSurvivors: 4 });
const sites = names(6);
const enrolment = new Enrolment(sites);

function contribution(name: string, change: Partial<Contribution> = {}, of = terms): Contribution {
  const made = contribute(
    of,
    name,
    { publicKey: KEY, ciphertexts: 'd'.repeat(64) },
    enrolment.identity(name),
  );
  return viaJson({ ...made, ...change });
}

function request(change: Partial<OpeningRequest> = {}): OpeningRequest {
  return { terms, contributions: sites.slice(0, 5).map((name) => contribution(name)), sum: SUM, ...change };
}

function code(run: () => unknown): string {
  try {
    run();
    return 'done';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('a decryptor', () => {
  it('permits one sum a round, and the same one again, after a restart too', () => {
    const openings = new Openings(KEY);
    const opening = openings.permit(request(), enrolment.verify);
    openings.record(opening);
    expect(openings.permit(request(), enrolment.verify)).toEqual(opening);
    const restarted = new Openings(
      KEY,
      openings.all().map((each) => checkOpening(viaJson(each))),
    );
    expect(restarted.permit(request(), enrolment.verify)).toEqual(opening);
    const fewer = request({ contributions: request().contributions.slice(1) });
    for (const each of [openings, restarted]) {
      expect(code(() => each.permit(fewer, enrolment.verify))).toBe('FEDERATION_OPENING_REFUSED');
      expect(code(() => each.permit(request({ sum: 'e'.repeat(64) }), enrolment.verify))).toBe(
        'FEDERATION_OPENING_REFUSED',
      );
    }
    const next = roundTerms({ ...terms, round: 2 });
    const other = request({ terms: next, contributions: sites.map((name) => contribution(name, {}, next)) });
    expect(code(() => restarted.permit(other, enrolment.verify))).toBe('done');
  });

  const four = sites.slice(0, 4).map((name) => contribution(name));
  it.each<[string, string, Partial<OpeningRequest>]>([
    ['fewer than the terms ask for', 'FEDERATION_OPENING_REFUSED', { contributions: four.slice(1) }],
    [
      'one participant twice',
      'FEDERATION_MESSAGE_INVALID',
      { contributions: [four[0]!, four[0]!, ...four.slice(1)] },
    ],
    ['out of order', 'FEDERATION_MESSAGE_INVALID', { contributions: four.toReversed() }],
    ['other terms', 'FEDERATION_OPENING_REFUSED', { terms: roundTerms({ ...terms, minSurvivors: 3 }) }],
    [
      'terms that hide nobody',
      'FEDERATION_TERMS_REFUSED',
      { terms: roundTerms({ ...terms, minSurvivors: 1 }) },
    ],
    ['another protocol', 'FEDERATION_TERMS_REFUSED', { terms: roundTerms({ minSurvivors: 4 }) }],
    ['a sum without a name', 'FEDERATION_MESSAGE_INVALID', { sum: 'the sum' }],
    [
      'a stranger',
      'FEDERATION_SIGNATURE_INVALID',
      { contributions: [...four.slice(1), { ...four[0]!, participant: 'stranger' }] },
    ],
    [
      'ciphertexts that nobody signed for',
      'FEDERATION_SIGNATURE_INVALID',
      { contributions: [contribution(sites[0]!, { ciphertexts: 'f'.repeat(64) }), ...four.slice(1)] },
    ],
    [
      'another key',
      'FEDERATION_OPENING_REFUSED',
      { contributions: [contribution(sites[0]!, { publicKey: 'f'.repeat(64) }), ...four.slice(1)] },
    ],
    [
      'a contribution to another round',
      'FEDERATION_OPENING_REFUSED',
      { contributions: [contribution(sites[0]!, {}, roundTerms({ ...terms, round: 7 })), ...four.slice(1)] },
    ],
    ['no terms', 'FEDERATION_TERMS_REFUSED', { terms: null as never }],
    ['no list', 'FEDERATION_MESSAGE_INVALID', { contributions: {} as never }],
    ['a list of nothing', 'FEDERATION_MESSAGE_INVALID', { contributions: [null, ...four] as never }],
  ])('refuses %s', (_what, expected, change) => {
    const openings = new Openings(KEY);
    expect(code(() => openings.permit(request(change), enrolment.verify))).toBe(expected);
    expect(openings.all()).toEqual([]);
  });
});
