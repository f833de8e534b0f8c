import { describe, expect, it } from 'vitest';
import { digestOf, encodeFields } from './encoding.ts';
import type { RoundTerms } from './round-terms.ts';
import { checkTerms, isName, rosterRules, termsDigest } from './round-terms.ts';
import { roundTerms } from './secure-aggregation/testing/simulated-round.ts';

const refusal = (name: string): object =>
  expect.objectContaining({ code: `FEDERATION_${name}_REFUSED` }) as object;

describe('terms', () => {
  it.each<[string, Partial<RoundTerms>]>([
    ['without a name', { federation: 'a b' }],
    ['of round 0', { round: 0 }],
    ['of a model without digest', { model: 'A'.repeat(64) }],
    ['of another protocol', { protocol: 'bfv-sum' }],
    ['for two', { maxParticipants: 2 }],
    ['for too many', { maxParticipants: 10_001 }],
    ['whose sums may be of two', { minSurvivors: 2, colluders: 0 }],
    ['whose sums are of more than may join', { minSurvivors: 17 }],
    ['whose sums may hold one honest update', { minSurvivors: 4, colluders: 3 }],
    ['with half a colluder', { colluders: 0.5 }],
    ['with one neighbour', { neighbours: 1 }],
    ['with a threshold of two thirds', { shareThreshold: 2 / 3 }],
    ['with a threshold above all', { shareThreshold: 1.01 }],
    ['with δ = 0', { delta: 0 }],
    ['that lack a field', { delta: undefined as never }],
  ])('%s are refused', (_, change) => {
    expect(() => checkTerms(roundTerms(change), 'secure-aggregation')).toThrow(refusal('TERMS'));
  });

  it('are refused with a form that so many could make wrap', () => {
    const form = { length: 10, clip: 1, norm: 'l2', scale: 2 ** 27 } as const;
    expect(() => checkTerms(roundTerms({ form, maxParticipants: 15 }), 'secure-aggregation')).not.toThrow();
    expect(() => checkTerms(roundTerms({ form, maxParticipants: 16 }), 'secure-aggregation')).toThrow(
      refusal('FORM'),
    );
  });

  it('have another digest with each field', () => {
    const terms = roundTerms();
    const changes: Partial<RoundTerms>[] = [
      { federation: 'digits2' },
      { round: 2 },
      { model: 'b'.repeat(64) },
      { form: { ...terms.form, length: 11 } },
      { form: { ...terms.form, clip: 2 } },
      { form: { ...terms.form, norm: 'l1' } },
      { form: { ...terms.form, scale: 1001 } },
      { noise: { mechanism: 'discrete-gaussian', parameter: 0 } },
      { noise: { mechanism: 'none', parameter: 1 } },
      { protocol: 'bfv-sum' },
      { maxParticipants: 15 },
      { minSurvivors: 5 },
      { colluders: 2 },
      { neighbours: 10 },
      { shareThreshold: 0.8 },
      { delta: 1e-6 },
    ];
    const digests = [terms, ...changes.map((change) => ({ ...terms, ...change }))].map(termsDigest);
    expect(new Set(digests).size).toBe(17);
    expect(new Set(changes.flatMap((change) => Object.keys(change)))).toEqual(new Set(Object.keys(terms)));
  });
});

describe('what follows for a roster', () => {
  it.each<[Partial<RoundTerms>, number, object]>([
    [{}, 8, { neighbours: 7, threshold: 5, quorum: 5 }],
    [{ colluders: 2, minSurvivors: 5 }, 8, { neighbours: 7, threshold: 5, quorum: 6 }],
    [{ shareThreshold: 1 }, 8, { neighbours: 7, threshold: 7, quorum: 5 }],
    [{ neighbours: 4 }, 8, { neighbours: 4, threshold: 3, quorum: 5 }],
    [{ minSurvivors: 3, colluders: 0 }, 3, { neighbours: 2, threshold: 2, quorum: 2 }],
  ])('%o of %i is %o', (terms, n, rules) => {
    expect(rosterRules(roundTerms(terms), n)).toEqual(rules);
  });

  it.each<[string, Partial<RoundTerms>, number]>([
    ['fewer than may survive', {}, 3],
    ['more than may join', {}, 17],
    ['an odd number of neighbours', { neighbours: 5 }, 10],
    ['more neighbours than shares', { maxParticipants: 1000, neighbours: 999 }, 400],
    ['colluders that rebuild a secret', { colluders: 3, neighbours: 4, minSurvivors: 6 }, 10],
  ])('with %s is refused', (_, terms, n) => {
    expect(() => rosterRules(roundTerms(terms), n)).toThrow(refusal('TERMS'));
  });

  it('never lets two lists have a quorum, or colluders a secret', () => {
    for (let n = 3; n <= 60; n++)
      for (let colluders = 0; colluders + 2 <= n; colluders++) {
        let rules;
        try {
          rules = rosterRules(roundTerms({ maxParticipants: 60, minSurvivors: 3, colluders }), n);
        } catch {
          continue;
        }
        // Both quorums are the colluders and honest ones, who sign once.
        expect(2 * (rules.quorum - colluders)).toBeGreaterThan(n - colluders);
        expect(rules.threshold).toBeGreaterThan(colluders);
        expect(3 * rules.threshold).toBeGreaterThan(2 * rules.neighbours);
      }
  });
});

describe('fields', () => {
  it('have one encoding each', () => {
    const lists = [
      ['ab'],
      ['a', 'b'],
      ['', 'ab'],
      ['a', 1],
      ['a', '1'],
      [],
      [''],
      [new Uint8Array([97, 98])],
      ['ab', ''],
    ];
    const head = '\u0001\0\0\0\0';
    lists.push([`a${head}b`, 'c'], ['a', `b${head}c`]);
    const encoded = lists.map((fields) => encodeFields('x', fields).toString('hex'));
    expect(new Set(encoded).size).toBe(lists.length);
    expect(digestOf('x', ['ab'])).not.toBe(digestOf('y', ['ab']));
    expect(digestOf('xa', ['b'])).not.toBe(digestOf('x', ['ab']));
  });

  it('name participants by what no path and no markup is made of', () => {
    for (const name of ['a', 'site-1', 'A_b.c', '__proto__']) expect(isName(name)).toBe(true);
    for (const name of ['', 'a b', 'a/b', 'ä', 'a\n', 'x'.repeat(129), 7, null])
      expect(isName(name)).toBe(false);
  });
});
