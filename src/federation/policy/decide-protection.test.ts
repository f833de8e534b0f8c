import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FederationContext } from './decide-protection.ts';
import { decideProtection, isAtLeastAsStrictContext, tightenProtection } from './decide-protection.ts';
import { DEFAULT_FLOOR, requireFloor } from './floor.ts';
import { BY_JURISDICTION, CLIENT_RESOURCES, SENSITIVITIES } from './policy-table.ts';
import type { Protection } from './protection.ts';
import { isAtLeastAsStrict, strictest, weaknesses } from './protection.ts';

const context: fc.Arbitrary<FederationContext> = fc.record({
  sensitivity: fc.constantFrom(...SENSITIVITIES),
  jurisdictions: fc.uniqueArray(fc.constantFrom(...Object.keys(BY_JURISDICTION), 'Atlantis'), {
    maxLength: 6,
  }),
  clients: fc.integer({ min: 6, max: 2000 }),
  clientResources: fc.constantFrom(...CLIENT_RESOURCES),
});

const protection: fc.Arbitrary<Protection> = fc.record({
  protocol: fc.constantFrom('bfv-sum', 'secure-aggregation'),
  mechanism: fc.constantFrom('none', 'discrete-gaussian', 'discrete-laplace'),
  epsilon: fc.oneof(fc.double({ min: 0.1, max: 20, noNaN: true }), fc.constant(Infinity)),
  delta: fc.constantFrom(1e-7, 1e-6, 1e-5, 1),
  minClients: fc.integer({ min: 1, max: 20 }),
  minSurvivors: fc.integer({ min: 1, max: 20 }),
  colluders: fc.integer({ min: 0, max: 20 }),
});

const HOSPITALS: FederationContext = {
  sensitivity: 'health',
  jurisdictions: ['EU'],
  clients: 8,
  clientResources: 'medium',
};

/** A context that differs by one step towards strictness. */
const stricter = fc.tuple(context, context).map(([base, other]): [FederationContext, FederationContext] => [
  base,
  {
    sensitivity:
      SENSITIVITIES[
        Math.max(SENSITIVITIES.indexOf(base.sensitivity), SENSITIVITIES.indexOf(other.sensitivity))
      ]!,
    jurisdictions: [...new Set([...base.jurisdictions, ...other.jurisdictions])],
    clients: Math.max(base.clients, other.clients),
    clientResources: other.clientResources,
  },
]);

describe('the table', () => {
  it('never gives a stricter context a weaker protection', () => {
    fc.assert(
      fc.property(stricter, ([base, more]) => {
        expect(isAtLeastAsStrictContext(more, base)).toBe(true);
        expect(weaknesses(decideProtection(more), decideProtection(base))).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it('gives a jurisdiction that it does not know the demands of all', () => {
    const personal = { ...HOSPITALS, sensitivity: 'personal' as const };
    const unknown = decideProtection({ ...personal, jurisdictions: ['Atlantis'] });
    expect(unknown).not.toEqual(decideProtection({ ...personal, jurisdictions: [] }));
    for (const name of Object.keys(BY_JURISDICTION))
      expect(isAtLeastAsStrict(unknown, decideProtection({ ...personal, jurisdictions: [name] }))).toBe(true);
    // Of names that every object has, too.
    expect(decideProtection({ ...personal, jurisdictions: ['constructor'] })).toEqual(unknown);
  });

  it('asks of hospitals what the documentation says', () => {
    expect(decideProtection(HOSPITALS)).toEqual({
      protocol: 'secure-aggregation',
      mechanism: 'discrete-gaussian',
      epsilon: 4,
      delta: 1e-6,
      minClients: 6,
      minSurvivors: 6,
      colluders: 1,
    });
  });

  it('lets resources change nothing of it', () => {
    fc.assert(
      fc.property(context, fc.constantFrom(...CLIENT_RESOURCES), (given, clientResources) => {
        expect(decideProtection({ ...given, clientResources })).toEqual(decideProtection(given));
      }),
    );
  });

  it('keeps more than two thirds of the clients, and one whose noise nobody knows', () => {
    fc.assert(
      fc.property(context, (given) => {
        const { minSurvivors, colluders, minClients } = decideProtection(given);
        expect(3 * minSurvivors).toBeGreaterThan(2 * given.clients);
        expect(minSurvivors).toBeGreaterThan(colluders + 1);
        expect(minClients).toBeGreaterThanOrEqual(minSurvivors);
      }),
    );
  });

  it.each([1, 2, 3, 4, 5])('refuses %i clients where health is concerned', (clients) => {
    expect(() => decideProtection({ ...HOSPITALS, clients })).toThrow(
      expect.objectContaining({ code: 'POLICY_UNMET' }) as Error,
    );
  });
});

describe('what an owner asks for', () => {
  it('can be stricter and never weaker', () => {
    expect(tightenProtection(HOSPITALS, { epsilon: 2, minSurvivors: 7 })).toMatchObject({
      epsilon: 2,
      minSurvivors: 7,
      minClients: 7,
    });
    for (const weaker of [
      { epsilon: 4.1 },
      { delta: 1e-5 },
      { mechanism: 'none' as const },
      { protocol: 'bfv-sum' as const },
      { minSurvivors: 5 },
      { minClients: 5 },
      { colluders: 0 },
    ]) {
      expect(() => tightenProtection(HOSPITALS, weaker), JSON.stringify(weaker)).toThrow(
        expect.objectContaining({ code: 'POLICY_WEAKER' }) as Error,
      );
    }
    expect(() => tightenProtection(HOSPITALS, { minSurvivors: 9 })).toThrow(
      expect.objectContaining({ code: 'POLICY_UNMET' }) as Error,
    );
  });
});

describe('encrypted sums', () => {
  const asked = { protocol: 'bfv-sum' as const };

  it('are taken where no persons are concerned, and only if they are asked for', () => {
    for (const sensitivity of SENSITIVITIES) {
      const given = { ...HOSPITALS, sensitivity };
      expect(decideProtection(given).protocol).toBe('secure-aggregation');
      if (sensitivity === 'public' || sensitivity === 'internal')
        expect(tightenProtection(given, asked)).toEqual({ ...decideProtection(given), ...asked });
      else
        expect(() => tightenProtection(given, asked)).toThrow(
          expect.objectContaining({ code: 'POLICY_WEAKER' }) as Error,
        );
    }
  });

  it('are refused in a stricter context, or protect as strictly there', () => {
    const ask = (given: FederationContext): Protection | null => {
      try {
        return tightenProtection(given, asked);
      } catch {
        return null;
      }
    };
    fc.assert(
      fc.property(stricter, ([base, more]) => {
        const [before, after] = [ask(base), ask(more)];
        if (before === null) expect(after).toBeNull();
        else if (after !== null) expect(weaknesses(after, before)).toEqual([]);
      }),
    );
  });
});

describe('the order', () => {
  it('is a partial order with a least upper bound', () => {
    fc.assert(
      fc.property(protection, protection, protection, (a, b, c) => {
        expect(isAtLeastAsStrict(a, a)).toBe(true);
        if (isAtLeastAsStrict(a, b) && isAtLeastAsStrict(b, a)) expect(a).toEqual(b);
        if (isAtLeastAsStrict(a, b) && isAtLeastAsStrict(b, c)) expect(isAtLeastAsStrict(a, c)).toBe(true);
        const both = strictest(a, b);
        expect(isAtLeastAsStrict(both, a) && isAtLeastAsStrict(both, b)).toBe(true);
        if (isAtLeastAsStrict(c, a) && isAtLeastAsStrict(c, b)) expect(isAtLeastAsStrict(c, both)).toBe(true);
      }),
    );
  });
});

describe("a participant's floor", () => {
  it('takes what is as strict, and names what is weaker', () => {
    const offered = decideProtection(HOSPITALS);
    expect(() => requireFloor(offered, DEFAULT_FLOOR)).not.toThrow();
    expect(() => requireFloor(offered, { ...DEFAULT_FLOOR, epsilon: 3, minSurvivors: 7 })).toThrow(
      'epsilon 4, at most 3; minSurvivors 6, at least 7',
    );
    expect(() => requireFloor({ ...offered, mechanism: 'none' }, DEFAULT_FLOOR)).toThrow(
      expect.objectContaining({ code: 'FLOOR_NOT_MET' }) as Error,
    );
  });

  it('lets through exactly what is at least as strict', () => {
    fc.assert(
      fc.property(protection, protection, (offered, floor) => {
        const met = isAtLeastAsStrict(offered, floor);
        if (met) expect(() => requireFloor(offered, floor)).not.toThrow();
        else expect(() => requireFloor(offered, floor)).toThrow();
      }),
    );
  });
});
