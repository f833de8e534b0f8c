import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { SecurityLevel } from './parameters.ts';
import {
  cheapestAttack,
  leastAttackCost,
  maxLogQP,
  ringDegrees,
  securityBounds,
  sparseSecretEstimates,
} from './security-tables.ts';

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
    const text = readFileSync(new URL('../../SECURITY.md', import.meta.url), 'utf8');
    const cells = [...text.matchAll(/^\| (\d+) +\|(.*)\|$/gm)].map(([, degree, rest]) => [
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

describe('sparse secrets', () => {
  it('are known of one ring, weight and modulus, by attacks that cost enough', () => {
    const known = sparseSecretEstimates(32768, 40, 128)!;
    expect(known).toMatchObject({
      maxLogModulus: 82,
      estimator: 'malb/lattice-estimator',
      commit: '27a581b',
    });
    expect(known.attacks.map(({ attack, model, cost }) => `${attack} ${model} ${cost}`)).toEqual([
      'bdd_mitm_hybrid MATZOV 184.5',
      'bdd_mitm_hybrid BDGL16 185',
      'bdd_hybrid MATZOV 213.4',
      'bdd_hybrid BDGL16 213.8',
    ]);
    expect(cheapestAttack(known).cost).toBe(184.5);
    expect(LEVELS.map(leastAttackCost)).toEqual([138, 202, 266]);
    expect(LEVELS.map((level) => sparseSecretEstimates(32768, 40, level) === null)).toEqual([
      false,
      true,
      true,
    ]);
    for (const [degree, weight] of [
      [16384, 40],
      [65536, 40],
      [32768, 32],
      [32768, 48],
    ] as const)
      expect(sparseSecretEstimates(degree, weight, 128)).toBeNull();
  });
});
