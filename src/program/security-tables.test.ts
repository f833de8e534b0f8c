import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { SecurityLevel } from './parameters.ts';
import {
  leastAttackCost,
  leastCost,
  maxLogQP,
  ringDegrees,
  securityBounds,
  sparseSecretEstimates,
  withstands,
} from './security-tables.ts';
import { SINE, sineOf } from './semantics/evaluate-sine.ts';
import { irwinHallTail } from './testing/irwin-hall.ts';

const DOCUMENT = readFileSync(new URL('../../SECURITY.md', import.meta.url), 'utf8');
const LEVELS = [128, 192, 256] as const;
const DEGREES = [1024, 2048, 4096, 8192, 16384, 32768, 65536];

/** The published tables, typed in a second time: rows of [N, 128 bits, 192 bits, 256 bits]. */
const PUBLISHED: Record<string, [number, ...(number | null)[]][]> = {
  'Homomorphic Encryption Standard (2018), table 1': [
    [1024, 27, 19, 14],
    [2048, 54, 37, 29],
    [4096, 109, 75, 58],
    [8192, 218, 152, 118],
    [16384, 438, 305, 237],
    [32768, 881, 611, 476],
    [65536, null, null, null],
  ],
  'eprint 2024/463, table 5.2': [
    [1024, 26, null, null],
    [2048, 53, 36, 27],
    [4096, 106, 73, 56],
    [8192, 214, 147, 114],
    [16384, 430, 297, 230],
    [32768, 868, 597, 462],
    [65536, 1747, 1199, 929],
  ],
};

function boundOf(table: string, degree: number, level: SecurityLevel): number | null {
  const found = securityBounds(degree, level).find(({ source }) => source === table);
  if (found === undefined) throw new Error(`no table ${table}`);
  return found.maxLogQP;
}

describe.each(Object.entries(PUBLISHED))('%s', (table, rows) => {
  it.each(rows)('N = %i: %i, %i, %i bits', (degree, ...expected) => {
    expect(LEVELS.map((level) => boundOf(table, degree, level))).toEqual(expected);
  });

  it('says nothing of other rings', () => {
    for (const degree of [0, 512, 3000, 8191, 131072]) expect(boundOf(table, degree, 128)).toBeNull();
  });
});

describe('the bound that is enforced', () => {
  it.each([
    [1024, 26, 0, 0],
    [2048, 53, 36, 27],
    [4096, 106, 73, 56],
    [8192, 214, 147, 114],
    [16384, 430, 297, 230],
    [32768, 868, 597, 462],
    [65536, 1747, 1199, 929],
    [131072, 0, 0, 0],
    [12345, 0, 0, 0],
  ])('is the smaller one at N = %i: %i, %i, %i bits', (degree, ...expected) => {
    expect(LEVELS.map((level) => maxLogQP(degree, level))).toEqual(expected);
  });

  it('exists for the rings that are offered, in ascending order', () => {
    expect(ringDegrees(128)).toEqual(DEGREES);
    expect(ringDegrees(192)).toEqual(DEGREES.slice(1));
    expect(ringDegrees(256)).toEqual(DEGREES.slice(1));
  });

  it('is that of SECURITY.md', () => {
    const cells = [...DOCUMENT.matchAll(/^\| (\d+) +\|(.*)\|$/gm)].map(([, degree, rest]) => [
      Number(degree),
      rest!.split('|').map((cell) => cell.trim()),
    ]);
    const bound = (degree: number, level: SecurityLevel): string => {
      const [old, recent] = securityBounds(degree, level).map(({ maxLogQP }) => maxLogQP ?? '–');
      return `${maxLogQP(degree, level) || '–'} (${old}, ${recent})`;
    };
    expect(cells).toEqual(DEGREES.map((degree) => [degree, LEVELS.map((level) => bound(degree, level))]));
  });
});

/** The estimates, typed in a second time: rows of [attack, MATZOV, BDGL16]. */
const ESTIMATED: [string, number | null, number | null][] = [
  ['usvp', null, null],
  ['bdd', null, null],
  ['bdd_hybrid', 213.4, 213.8],
  ['bdd_mitm_hybrid', 184.5, 185.0],
  ['dual_hybrid', 208.8, 208.7],
  ['dual_mitm_hybrid', 176.9, 177.2],
];

describe('sparse secrets', () => {
  const known = sparseSecretEstimates(32768, 40, 128)!;

  it('are known of one ring, weight and modulus, by every attack and model', () => {
    expect(known).toMatchObject({
      polyModulusDegree: 32768,
      weight: 40,
      maxLogModulus: 82,
      estimator: 'malb/lattice-estimator',
      commit: '27a581b',
    });
    expect(known.attacks).toEqual(
      ESTIMATED.flatMap(([attack, matzov, bdgl16]) => [
        { attack, model: 'MATZOV', cost: matzov },
        { attack, model: 'BDGL16', cost: bdgl16 },
      ]),
    );
    for (const [degree, weight] of [
      [16384, 40],
      [65536, 40],
      [32768, 32],
      [32768, 48],
    ] as const)
      expect(sparseSecretEstimates(degree, weight, 128)).toBeNull();
  });

  it('are as secure as the cheapest attack, with ten bits to spare', () => {
    expect(leastCost(known.attacks)).toBe(176.9);
    expect(LEVELS.map(leastAttackCost)).toEqual([138, 202, 266]);
    expect(LEVELS.map((level) => sparseSecretEstimates(32768, 40, level) === null)).toEqual([
      false,
      true,
      true,
    ]);
    const costing = (index: number, cost: number): typeof known.attacks =>
      known.attacks.with(index, { ...known.attacks[index]!, cost });
    for (const index of known.attacks.keys()) {
      expect(withstands(costing(index, 138), 128)).toBe(true);
      expect(withstands(costing(index, 137.9), 128)).toBe(false);
      expect(withstands(costing(index, NaN), 128)).toBe(false);
    }
  });

  it('are not secure by attacks that nobody estimated, or that have no cost', () => {
    expect(withstands(known.attacks, 128)).toBe(true);
    for (const index of known.attacks.keys())
      expect(withstands(known.attacks.toSpliced(index, 1), 128)).toBe(false);
    const none = known.attacks.map((each) => ({ ...each, cost: null }));
    expect(leastCost(none)).toBeNull();
    expect(withstands(none, 128)).toBe(false);
  });

  it('have the estimates of SECURITY.md', () => {
    const rows = [...DOCUMENT.matchAll(/^\| `(\w+)` +\| +(\S+) +\| +(\S+) +\|$/gm)].map((row) =>
      row.slice(1),
    );
    const shown = (cost: number | null): string => (cost === null ? '–' : cost.toFixed(1));
    expect(rows).toEqual(ESTIMATED.map(([attack, ...costs]) => [attack, ...costs.map(shown)]));
    expect(DOCUMENT).toContain(`weight **${known.weight}**`);
    expect(DOCUMENT).toContain(`at most **${known.maxLogModulus}** bits`);
    expect(DOCUMENT).toContain(`commit \`${known.commit}\``);
    expect(DOCUMENT).toContain(`at least 2^${leastAttackCost(128)}`);
  });

  it('leave the range of the sine as rarely as SECURITY.md says, by as much', () => {
    const { polyModulusDegree, weight } = known;
    const values = polyModulusDegree / 2;
    const power = (probability: number): string => `2^−${(-Math.log2(probability)).toFixed(1)}`;
    const leaving = 2 * values * irwinHallTail(weight + 1, SINE.range);
    expect(DOCUMENT).toContain(`${power(leaving)} of refreshes`);
    expect(DOCUMENT).toContain(`twenty refreshes fails in ${power(20 * leaving)}`);
    const rows = [...DOCUMENT.matchAll(/^\| ±(\d+) +\| (\S+) +\| (\S+) +\|$/gm)].map(([, ...cells]) => cells);
    const errorAt = (t: number): number => Math.abs(sineOf(t / SINE.range, SINE) - Math.sin(2 * Math.PI * t));
    expect(rows).toEqual(
      [16, 17, 18, 19].map((least) => {
        // I is the sum of `weight` uniform numbers and z / 4, rounded; most often far away where z = ±1.
        const either = [0.25, 0.75].map((less) => irwinHallTail(weight, least - less));
        const arguments_ = Array.from({ length: 129 }, (_, i) => least + (i - 64) / 256);
        const worst = Math.max(...arguments_.flatMap((t) => [errorAt(t), errorAt(-t)]));
        return [String(least), power(values * (either[0]! + either[1]!)), power(worst)];
      }),
    );
  });
});
