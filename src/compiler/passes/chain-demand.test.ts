import { describe, expect, it } from 'vitest';
import { isSealShaped } from '../../program/parameters.ts';
import { maxLogQP } from '../../program/security-tables.ts';
import {
  baseHeadroomBits,
  MAX_SCALE_BITS,
  outputHeadroomBits,
  type ParameterDemand,
  reachesPrecision,
  rescaleNoiseBits,
} from './chain-demand.ts';
import { clearParameters } from '../targets/clear-parameters.ts';
import { targetOf } from '../targets/registry.ts';
import { deepestChain, type RingCandidate, ringCandidates } from './select-parameters.ts';

const bits = (prime: bigint): number => prime.toString(2).length;
const sum = (primes: readonly bigint[]): number => primes.reduce((all, prime) => all + bits(prime), 0);
const demand = (depth: number, outputBound = 8, precision = 8): ParameterDemand => {
  return { depth, outputBound, security: 128, precision };
};

describe('head room for the output', () => {
  // One bit for the sign, one as a margin of two, and what the bound takes.
  it.each([
    [0, 2],
    [0.5, 2],
    [1, 2],
    [1.01, 3],
    [2, 3],
    [8, 5],
    [8.01, 6],
    [1000, 12],
    [2 ** 20, 22],
  ])('of a bound of %d is %i bits', (bound, expected) => {
    expect(outputHeadroomBits(bound)).toBe(expected);
  });

  it.each(['native', 'seal'] as const)(
    'stands above the scale in the first prime of every %s chain',
    (backend) => {
      for (const bound of [0.1, 1, 30, 5000]) {
        for (const { chains } of ringCandidates(demand(6, bound), targetOf(backend))) {
          for (const { dataPrimes, scaleBits } of chains) {
            // Twice the bound, of either sign, at the scale.
            expect(Number(dataPrimes[0])).toBeGreaterThan(4 * Math.max(bound, 1) * 2 ** scaleBits * 0.8);
          }
        }
      }
    },
  );
});

it('an output that is one number gets six bits more, so that what wraps around lands out of range', () => {
  const asked = demand(3);
  expect(baseHeadroomBits(asked)).toBe(outputHeadroomBits(asked.outputBound));
  expect(baseHeadroomBits({ ...asked, singleOutput: false })).toBe(baseHeadroomBits(asked));
  expect(baseHeadroomBits({ ...asked, singleOutput: true })).toBe(baseHeadroomBits(asked) + 6);
  const [{ chains }] = [...ringCandidates({ ...asked, singleOutput: true }, targetOf('seal'))] as [
    RingCandidate,
  ];
  const { dataPrimes, scaleBits } = chains[0]!;
  expect(bits(dataPrimes[0]!) - scaleBits).toBe(5 + 6);
});

describe('special primes', () => {
  const demands = [1, 2, 5, 9, 14, 20].flatMap((depth) =>
    [1, 30, 2 ** 18].map((bound) => demand(depth, bound)),
  );

  it('of the native engine are three bits above every key-switching digit', () => {
    const spare: number[] = [];
    for (const asked of demands) {
      for (const { chains } of ringCandidates(asked, targetOf('native'))) {
        for (const { dataPrimes, specialPrimes, dnum } of chains) {
          const size = Math.ceil(dataPrimes.length / dnum);
          for (let first = 0; first < dataPrimes.length; first += size)
            spare.push(sum(specialPrimes) - sum(dataPrimes.slice(first, first + size)));
        }
      }
    }
    expect(Math.min(...spare)).toBe(3);
  });

  it('of node-seal are three bits above the largest data prime, and all that the bound leaves', () => {
    const spare: number[] = [];
    for (const asked of demands) {
      for (const { polyModulusDegree, chains } of ringCandidates(asked, targetOf('seal'))) {
        for (const { dataPrimes, specialPrimes } of chains) {
          const special = bits(specialPrimes[0]!);
          spare.push(special - Math.max(...dataPrimes.map(bits)));
          const left = maxLogQP(polyModulusDegree, 128) - sum(dataPrimes);
          expect(special).toBe(Math.min(60, left));
        }
      }
    }
    expect(Math.min(...spare)).toBe(3);
  });
});

describe('candidates', () => {
  // No set of keys of N = 65536 fits a WASM heap.
  it.each([
    ['native', 65536],
    ['seal', 32768],
  ] as const)('of %s stand in order of their rings, up to %i, and within the bound', (backend, largest) => {
    for (const security of [128, 192, 256] as const) {
      const rings = [...ringCandidates({ ...demand(5), security }, targetOf(backend))];
      const degrees = rings.map(({ polyModulusDegree }) => polyModulusDegree);
      expect(degrees).toEqual([...degrees].sort((a, b) => a - b));
      expect(degrees.at(-1)).toBe(largest);
      expect(degrees[0]).toBeGreaterThanOrEqual(4096);
      for (const { polyModulusDegree, chains } of rings) {
        for (const chain of chains) {
          expect(chain).toMatchObject({ polyModulusDegree, securityLevel: security, scheme: 'ckks' });
          expect(chain.dataPrimes).toHaveLength(6);
          expect(chain.scaleBits).toBeLessThanOrEqual(MAX_SCALE_BITS);
          const used = sum([...chain.dataPrimes, ...chain.specialPrimes]);
          expect(used).toBeLessThanOrEqual(maxLogQP(polyModulusDegree, security));
        }
      }
    }
  });

  it('of the native engine have fewer digits and more special primes to choose from, those of node-seal have not', () => {
    const chains = [...ringCandidates(demand(9), targetOf('native'))].flatMap((ring) => ring.chains);
    expect(chains.some(({ dnum, specialPrimes }) => dnum < 10 && specialPrimes.length > 1)).toBe(true);
    for (const ring of ringCandidates(demand(9), targetOf('seal'))) {
      expect(ring.chains).toHaveLength(1);
      expect(isSealShaped(ring.chains[0]!)).toBe(true);
    }
  });

  it('of node-seal: the largest scale whose chain fits the ring', () => {
    const chain = [...ringCandidates(demand(10, 8, 5), targetOf('seal'))][0]!;
    expect(chain.polyModulusDegree).toBe(16384);
    const { dataPrimes, scaleBits, dnum } = chain.chains[0]!;
    expect(dnum).toBe(11);
    // (430 − 2 · 5 − 3) / 12, rounded down.
    expect(scaleBits).toBe(34);
    expect(dataPrimes.map(bits)).toEqual([39, ...Array<number>(10).fill(34)]);
  });

  it.each(['native', 'seal'] as const)('of %s: rings below 4096 are too small for any use', (backend) => {
    const rings = [...ringCandidates(demand(1, 1, 1), targetOf(backend))].map(
      ({ polyModulusDegree }) => polyModulusDegree,
    );
    expect(rings[0]).toBe(4096);
  });

  it('are none for what no ring can hold', () => {
    expect([...ringCandidates(demand(60), targetOf('seal'))]).toEqual([]);
    expect([...ringCandidates(demand(5, 8, 60), targetOf('native'))]).toEqual([]);
  });

  it('of node-seal end at the deepest chain', () => {
    const asked = { outputBound: 8, security: 128, precision: 10 } as const;
    const { depth, polyModulusDegree } = deepestChain(asked, targetOf('seal'));
    expect(polyModulusDegree).toBe(32768);
    expect(depth).toBeGreaterThan(25);
    expect([...ringCandidates({ ...asked, depth }, targetOf('seal'))].at(-1)!.polyModulusDegree).toBe(
      polyModulusDegree,
    );
    expect([...ringCandidates({ ...asked, depth: depth + 1 }, targetOf('seal'))]).toEqual([]);
  });
});

describe('the deepest chain', () => {
  const asked = { outputBound: 8, security: 128, precision: 10 } as const;

  it('is deeper on the native engine, whose rings are larger', () => {
    const seal = deepestChain(asked, targetOf('seal'));
    const native = deepestChain(asked, targetOf('native'));
    expect(native.polyModulusDegree).toBe(65536);
    expect(native.depth).toBeGreaterThan(seal.depth);
    // Programs that are verified in the clear are told what node-seal could hold.
    expect(deepestChain(asked, targetOf('cleartext'))).toEqual(seal);
  });

  it.each([
    ['seal', 32768],
    ['native', 65536],
  ] as const)('of %s is none, on its largest ring, where no scale has the precision', (backend, largest) => {
    expect(deepestChain({ ...asked, precision: 60 }, targetOf(backend))).toEqual({
      depth: 0,
      polyModulusDegree: largest,
    });
  });
});

describe('precision', () => {
  it('is what the scale leaves above the rounding of a rescale', () => {
    // √(N/2 · (1 + 2N/3)/12) for N = 8192.
    expect(rescaleNoiseBits(8192)).toBeCloseTo(10.4, 1);
    const noise = rescaleNoiseBits(8192);
    const at = (scaleBits: number, outputBound: number, precision: number): boolean =>
      reachesPrecision(8192, scaleBits, { ...demand(1), outputBound, precision });
    expect(at(Math.ceil(noise + 10), 1, 10)).toBe(true);
    expect(at(Math.floor(noise + 10), 1, 10)).toBe(false);
    // A larger output is a larger signal.
    expect(at(Math.floor(noise + 10), 2, 10)).toBe(true);
    // Less than four bits above the noise are not worth trying.
    expect(at(Math.floor(noise + 4), 1, 1)).toBe(false);
    expect(at(Math.ceil(noise + 4), 1, 1)).toBe(true);
  });

  it('asks nothing of parameters for verification in the clear', () => {
    const graph = { nodes: [{ shape: [1, 3000] }, { shape: [1, 10] }] } as unknown as Parameters<
      typeof clearParameters
    >[0];
    expect(clearParameters(graph, 3)).toMatchObject({
      scheme: 'cleartext',
      polyModulusDegree: 8192,
      dnum: 1,
    });
    expect(clearParameters(graph, 3).dataPrimes).toEqual(Array<bigint>(4).fill(1n << 40n));
    expect(clearParameters(graph, 3, 10).polyModulusDegree).toBe(4096);
    expect(clearParameters(graph, 3, 10_000).polyModulusDegree).toBe(32768);
    expect(clearParameters(graph, 3, 10 ** 6).polyModulusDegree).toBe(65536);
  });
});
