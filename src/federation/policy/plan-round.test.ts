import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epsilonOfRounds } from '../privacy/calibrate-noise.ts';
import { checkTerms, rosterRules } from '../round-terms.ts';
import { names, SimulatedRound } from '../secure-aggregation/testing/simulated-round.ts';
import { quantisedBound } from '../update/update-form.ts';
import type { FederationContext } from './decide-protection.ts';
import { decideProtection } from './decide-protection.ts';
import type { FederationPlan } from './plan-round.ts';
import { plannedMultiplier, planRound, shapeOfTerms } from './plan-round.ts';
import { CLIENT_RESOURCES } from './policy-table.ts';

const MODEL = 'a'.repeat(64);

function planOf(context: Partial<FederationContext>, more: Partial<FederationPlan> = {}): FederationPlan {
  const whole: FederationContext = {
    sensitivity: 'health',
    jurisdictions: ['EU'],
    clients: 8,
    clientResources: 'medium',
    ...context,
  };
  const protection = decideProtection(whole);
  return { federation: 'f', context: whole, protection, rounds: 10, clip: 1, length: 10_000, ...more };
}

describe('a planned round', () => {
  it('keeps ε over all rounds, and hardly more than that, for groups of every size', () => {
    const size = fc.record({
      clients: fc.integer({ min: 6, max: 500 }),
      length: fc.integer({ min: 100, max: 100_000 }),
      rounds: fc.integer({ min: 1, max: 100 }),
      clip: fc.constantFrom(0.01, 1, 30),
      clientResources: fc.constantFrom(...CLIENT_RESOURCES),
    });
    fc.assert(
      fc.property(size, ({ clients, clientResources, ...more }) => {
        const plan = planOf({ clients, clientResources }, more);
        const terms = planRound(plan, 1, MODEL, plannedMultiplier(plan));
        checkTerms(terms, 'secure-aggregation');
        rosterRules(terms, clients);
        const { epsilon, delta } = plan.protection;
        const spent = epsilonOfRounds(
          'discrete-gaussian',
          terms.noise.parameter,
          shapeOfTerms(terms),
          plan.rounds,
          delta,
        );
        expect(spent).toBeLessThanOrEqual(epsilon);
        expect(spent).toBeGreaterThan(0.99 * epsilon);
        // Rounding to integers is small beside what is rounded.
        expect(quantisedBound(terms.form)).toBeGreaterThanOrEqual(2 ** 10);
      }),
      { numRuns: 60 },
    );
  });

  it('has more noise with a higher multiplier, and never an update that could wrap', () => {
    const plan = planOf({});
    const planned = plannedMultiplier(plan);
    for (const factor of [1, 2, 10, 100]) {
      const terms = planRound(plan, 1, MODEL, factor * planned);
      checkTerms(terms, 'secure-aggregation');
      const { honest } = shapeOfTerms(terms);
      const deviation = Math.sqrt(honest * terms.noise.parameter) / quantisedBound(terms.form);
      expect(deviation / (factor * planned)).toBeCloseTo(1, 3);
    }
  });

  it('takes no noise where none is asked for', () => {
    const plan = planOf({ sensitivity: 'public' });
    expect(plannedMultiplier(plan)).toBe(0);
    const terms = planRound(plan, 3, MODEL, 0);
    checkTerms(terms, 'secure-aggregation');
    expect(terms).toMatchObject({ round: 3, noise: { mechanism: 'none', parameter: 0 }, minSurvivors: 6 });
  });

  it('says where no noise is enough', () => {
    const plan = planOf({});
    const protection = { ...plan.protection, epsilon: 1e-7 };
    expect(() => plannedMultiplier({ ...plan, protection })).toThrow(
      expect.objectContaining({ code: 'NOISE_UNREACHABLE' }) as Error,
    );
  });
});

describe('as many survivors as were promised to be enough', () => {
  it.each(Array.from({ length: 18 }, (_, i) => i + 3))('are, of %i clients', async (clients) => {
    const plan = planOf({ sensitivity: 'public', clients }, { length: 10 });
    const terms = planRound(plan, 1, MODEL, plannedMultiplier(plan));
    const all = names(clients);
    const lost = all.slice(terms.minSurvivors);
    const round = new SimulatedRound(terms, all, new Map(lost.map((name) => [name, 'share'])));
    const sum = await round.run(() => Int32Array.from({ length: 10 }, (_, i) => i));
    expect([...sum]).toEqual(Array.from({ length: 10 }, (_, i) => i * terms.minSurvivors));
  });
});
