import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibrateNoise, epsilonOfRounds, noiseParameter } from './calibrate-noise.ts';
import type { LedgerEntry, RoundCost } from './ledger.ts';
import { PrivacyLedger } from './ledger.ts';

const DELTA = 1e-6;
const l2 = 2 ** 16;
const SHAPE = { l2, l1: l2 * Math.sqrt(1000), length: 1000, honest: 5 };
const COST: RoundCost = {
  mechanism: 'discrete-gaussian',
  parameter: noiseParameter('discrete-gaussian', 4, SHAPE),
  ...SHAPE,
};

function entry(
  round: number,
  cost: RoundCost = COST,
  terms = `terms-${round}`,
  announced = `announced-${round}`,
): Omit<LedgerEntry, 'outcome'> {
  return { ...cost, federation: 'f', round, terms, announced, at: round };
}

function spentBy(rounds: number, cost: RoundCost): PrivacyLedger {
  let ledger = new PrivacyLedger({ epsilon: Infinity, delta: DELTA });
  for (let round = 1; round <= rounds; round++) ledger = ledger.debit(entry(round, cost));
  return ledger;
}

describe('a ledger', () => {
  it('spends what the accountant says', () => {
    expect(new PrivacyLedger({ epsilon: 1, delta: DELTA }).spent).toBe(0);
    for (const rounds of [1, 10, 50])
      expect(spentBy(rounds, COST).spent).toBeCloseTo(
        epsilonOfRounds('discrete-gaussian', COST.parameter, SHAPE, rounds, DELTA),
        9,
      );
    // Issue 15's figures: noise multiplier 4 at δ = 1e-5.
    const atFive = (rounds: number): number =>
      new PrivacyLedger({ epsilon: 100, delta: 1e-5 }, spentBy(rounds, COST).entries).spent;
    expect(atFive(10)).toBeCloseTo(3.617, 2);
  });

  it('refuses the round that would exceed its budget, before it is begun', () => {
    const epsilon = spentBy(3, COST).spent;
    let ledger = new PrivacyLedger({ epsilon, delta: DELTA });
    for (const round of [1, 2, 3]) ledger = ledger.debit(entry(round));
    expect(ledger.spent).toBeCloseTo(epsilon, 9);
    expect(ledger.spentAfter(COST)).toBeGreaterThan(epsilon);
    expect(() => ledger.debit(entry(4))).toThrow(
      expect.objectContaining({ code: 'BUDGET_EXCEEDED' }) as Error,
    );
    expect(ledger.entries).toHaveLength(3);
  });

  it('debits a round once, and again under other terms', () => {
    const once = spentBy(1, COST);
    expect(once.debit(entry(1))).toBe(once);
    // So does what was announced anew: its first announcement may be in a sum as well.
    const anew = entry(1, COST, 'terms-1', 'other');
    expect(once.debit(anew).spent).toBeCloseTo(spentBy(2, COST).spent, 9);
    expect(once.debit(anew).debit(anew).entries).toHaveLength(2);
    expect(once.find(anew)).toBeNull();
    expect(once.hasPaid(anew)).toBe(true);
    expect(once.hasPaid(entry(2))).toBe(false);
    expect(once.debit(entry(1, COST, 'other')).spent).toBeCloseTo(spentBy(2, COST).spent, 9);
  });

  it('keeps an aborted round spent', () => {
    const ledger = spentBy(2, COST);
    const closed = ledger.close(entry(1), 'aborted').close(entry(2), 'summed');
    expect(closed.entries.map(({ outcome }) => outcome)).toEqual(['aborted', 'summed']);
    expect(closed.spent).toBe(ledger.spent);
    expect(closed.debit(entry(1))).toBe(closed);
  });

  it('counts a round without noise as without bound', () => {
    const bare = { ...COST, mechanism: 'none' as const };
    expect(spentBy(1, bare).spent).toBe(Infinity);
    const bounded = new PrivacyLedger({ epsilon: 1e9, delta: DELTA });
    expect(() => bounded.debit(entry(1, bare))).toThrow(
      expect.objectContaining({ code: 'BUDGET_EXCEEDED' }) as Error,
    );
  });

  it('counts a sum without an honest survivor as without bound', () => {
    expect(spentBy(1, { ...COST, honest: 0 }).spent).toBe(Infinity);
  });

  it('never spends less with fewer honest ones, less noise or more rounds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 20 }),
        (honest, rounds, less) => {
          const cost = { ...COST, honest: honest + 1 };
          const spent = spentBy(rounds, cost).spent;
          expect(spentBy(rounds, { ...cost, honest }).spent).toBeGreaterThanOrEqual(spent);
          expect(spentBy(rounds + 1, cost).spent).toBeGreaterThanOrEqual(spent);
          const parameter = Math.ceil(cost.parameter / (1 + less / 10));
          expect(spentBy(rounds, { ...cost, parameter }).spent).toBeGreaterThanOrEqual(spent);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('adds up pure ε where there is nothing but Laplace noise', () => {
    const cost: RoundCost = { ...COST, mechanism: 'discrete-laplace', parameter: 10 * Math.ceil(SHAPE.l1) };
    expect(spentBy(3, cost).spent).toBeLessThanOrEqual(0.3);
    expect(spentBy(3, cost).spent).toBeGreaterThan(0.25);
  });
});

describe('calibration', () => {
  it.each(['discrete-gaussian', 'discrete-laplace'] as const)(
    'finds the least %s noise by which all rounds fit',
    (mechanism) => {
      const shape = { ...SHAPE, l2: 256, l1: 256 * Math.sqrt(1000) };
      const goal = { mechanism, epsilon: 4, delta: DELTA, rounds: 10 };
      const multiplier = calibrateNoise(goal, shape, 1000)!;
      const cost = (factor: number): number =>
        epsilonOfRounds(mechanism, noiseParameter(mechanism, multiplier * factor, shape), shape, 10, DELTA);
      expect(cost(1)).toBeLessThanOrEqual(4);
      expect(cost(0.99)).toBeGreaterThan(4);
    },
  );

  it('says where so much noise is not enough', () => {
    const goal = { mechanism: 'discrete-gaussian' as const, epsilon: 1, delta: DELTA, rounds: 10 };
    expect(calibrateNoise(goal, SHAPE, 2)).toBeNull();
    expect(calibrateNoise(goal, SHAPE, 100)).toBeGreaterThan(2);
  });
});
