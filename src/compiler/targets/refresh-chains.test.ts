import { describe, expect, it } from 'vitest';
import { totalBits } from '../../program/primes.ts';
import { certify } from '../../program/security.ts';
import { maxLogQP } from '../../program/security-tables.ts';
import { refreshOutputScale, refreshShape } from '../../program/semantics/refresh-plan.ts';
import { REFRESH_LEVELS, refreshChains } from './refresh-chains.ts';

const demand = (refreshed: number) =>
  ({
    refreshed,
    depth: refreshed + REFRESH_LEVELS.top,
    outputBound: 1,
    security: 128,
    precision: 8,
  }) as const;
const levels = Array.from({ length: REFRESH_LEVELS.most - REFRESH_LEVELS.down }, (_, i) => 3 + i);

describe('chains that refresh', () => {
  it.each(levels)('are secure, all of them, and give level %i at the scale of the network', (refreshed) => {
    const chains = refreshChains(32768, demand(refreshed));
    expect(chains.length).toBeGreaterThan(0);
    for (const chain of chains) {
      expect(chain.dataPrimes).toHaveLength(refreshed + REFRESH_LEVELS.top + 1);
      expect(totalBits([...chain.dataPrimes, ...chain.specialPrimes])).toBeLessThanOrEqual(
        maxLogQP(32768, 128),
      );
      const { ephemeral } = certify(chain)!;
      expect(ephemeral!.logModulus).toBeLessThanOrEqual(ephemeral!.maxLogModulus);
      expect(refreshShape(chain).outputLevel).toBe(refreshed);
      expect(Math.abs(Math.log2(refreshOutputScale(chain)) - chain.scaleBits)).toBeLessThan(0.05);
    }
  });

  it('are none beyond what the bound has room for, in other rings, and where no secret is certified', () => {
    expect(refreshChains(32768, demand(REFRESH_LEVELS.most + 1))).toEqual([]);
    expect(refreshChains(16384, demand(6))).toEqual([]);
    expect(refreshChains(32768, { ...demand(6), security: 192 })).toEqual([]);
  });
});
