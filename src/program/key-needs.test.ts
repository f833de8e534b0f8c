import { describe, expect, it } from 'vitest';
import { sentBytes, sentGaloisKeyBytes, sentKeyBytes } from './key-bytes.ts';
import { forEachKeyedStep, keyNeeds, refreshKeyNeeds, relinearizes } from './key-needs.ts';
import type { Instruction } from './program.ts';

const HYBRID = {
  scheme: 'ckks',
  polyModulusDegree: 8,
  dataPrimes: [2n, 3n, 5n, 7n],
  specialPrimes: [11n, 13n],
  dnum: 2,
} as const;
const SEAL = { ...HYBRID, specialPrimes: [11n], dnum: 4 } as const;

function linear(level: number, baby: number[], giant: number[], reduction: number[]): Instruction {
  return {
    kind: 'linear',
    layer: 'l',
    inputs: [0],
    output: 1,
    level,
    plainScales: [1],
    babies: [{ source: 0, step: 0, from: -1, via: baby }],
    outputs: [
      { giants: [{ step: 0, into: -1, via: giant, terms: [] }], reductions: [reduction], bias: null },
    ],
  };
}
const product = (level: number): Instruction => ({
  kind: 'product',
  layer: 'p',
  left: 0,
  right: 0,
  output: 1,
  level,
});
const polynomial = (level: number, degree: number): Instruction => ({
  kind: 'polynomial',
  layer: 'f',
  input: 0,
  output: 1,
  level,
  degree,
  unitLeading: false,
  coefficients: [Array<number>(degree + 1).fill(1)],
});

describe('keys', () => {
  it('are those of every rotation, once, ascending, at the highest level of their use', () => {
    const instructions = [linear(3, [8, 1], [4], [2, 1]), linear(1, [1], [16], []), linear(2, [16], [], [8])];
    expect(keyNeeds(instructions, HYBRID)).toEqual({
      rotationKeys: [
        { step: 1, level: 3 },
        { step: 2, level: 3 },
        { step: 4, level: 3 },
        { step: 8, level: 3 },
        { step: 16, level: 2 },
      ],
      relinearizationLevel: null,
    });
  });

  it('for products are at the highest level of a product or polynomial', () => {
    const level = (...instructions: Instruction[]) => keyNeeds(instructions, HYBRID).relinearizationLevel;
    expect(level(product(1), polynomial(2, 3), product(0))).toBe(2);
    expect(level(polynomial(2, 1), linear(3, [1], [], []))).toBeNull();
    expect(level(product(0))).toBe(0);
    expect([1, 2].map((degree) => relinearizes(polynomial(1, degree)))).toEqual([false, true]);
  });

  it('cover the whole chain in the shape of SEAL, which knows no others', () => {
    expect(keyNeeds([linear(1, [1], [], []), product(0)], SEAL)).toEqual({
      rotationKeys: [{ step: 1, level: 3 }],
      relinearizationLevel: 3,
    });
  });

  it('are visited once for every switch that a step-by-step run takes', () => {
    const steps: number[] = [];
    const visit = (step: number): void => void steps.push(step);
    forEachKeyedStep(linear(3, [8, 1], [4], [2, 1]), visit);
    expect(steps).toEqual([8, 1, 4, 2, 1]);
    forEachKeyedStep(product(1), visit);
    expect(steps).toHaveLength(5);
  });
});

describe('keys of refreshes', () => {
  const refreshing = {
    ...HYBRID,
    polyModulusDegree: 16,
    dataPrimes: Array.from({ length: 15 }, (_, i) => BigInt(101 + i)),
    refresh: {
      raisedBits: 20,
      down: [{ stages: 3, babies: 4 }],
      up: [{ stages: 3, babies: 8 }],
      ephemeralWeight: 3,
    },
  };
  const refresh = { kind: 'refresh', layer: 'r', input: 0, output: 1, level: 1, ratio: 4 } as const;

  it('are those of its transforms, the sine, conjugation and the raising', () => {
    // Offsets −4 … 3: four babies and a giant of four at level 1, eight babies at the top.
    const needs = keyNeeds([refresh, refresh], refreshing);
    expect(needs.rotationKeys).toEqual([1, 2, 3, 4, 5, 6, 7].map((step) => ({ step, level: 14 })));
    expect(needs.relinearizationLevel).toBe(13);
    expect(needs.refreshKeys).toEqual({ conjugationLevel: 14, raiseLevel: 14 });
    expect(refreshKeyNeeds(refreshing).rotationKeys.filter(({ level }) => level === 1)).toEqual(
      [4, 5, 6, 7].map((step) => ({ step, level: 1 })),
    );
  });

  it('are shared with other instructions, each at the highest level', () => {
    const needs = keyNeeds([linear(2, [9], [4], []), product(14), refresh], refreshing);
    expect(needs.rotationKeys.find(({ step }) => step === 9)).toEqual({ step: 9, level: 2 });
    expect(needs.rotationKeys.find(({ step }) => step === 4)).toEqual({ step: 4, level: 14 });
    expect(needs.relinearizationLevel).toBe(14);
    expect(keyNeeds([product(14)], refreshing)).not.toHaveProperty('refreshKeys');
  });
});

describe('what is sent of keys', () => {
  const parameters = HYBRID;
  const LIMB = 8 * 8;

  it('is one polynomial of every digit, the other is a seed; Galois keys have an index', () => {
    // At level 3: two digits over four data and two special primes.
    expect(sentKeyBytes(parameters, 3)).toBe(2 * 6 * LIMB);
    expect(sentKeyBytes(parameters, 1)).toBe(1 * 4 * LIMB);
    expect(sentGaloisKeyBytes(parameters, 3)).toBe(2 * 6 * LIMB + LIMB);
    const needs = {
      rotationKeys: [
        { step: 1, level: 3 },
        { step: 2, level: 1 },
      ],
      relinearizationLevel: 3,
    };
    expect(sentBytes(needs, parameters)).toBe((2 * 12 + 4 + 2) * LIMB);
    expect(sentBytes({ ...needs, relinearizationLevel: null }, parameters)).toBe((12 + 4 + 2) * LIMB);
    // A Galois key more, and of the two that raise the modulus two limbs and six.
    const refreshKeys = { conjugationLevel: 1, raiseLevel: 3 };
    expect(sentBytes({ ...needs, refreshKeys }, parameters)).toBe((2 * 12 + 4 + 2 + 5 + 8) * LIMB);
  });

  it('is there once for each plain modulus', () => {
    const exact = { ...parameters, plainModuli: [17n, 97n, 113n] };
    expect(sentKeyBytes(exact, 3)).toBe(3 * sentKeyBytes(parameters, 3));
    expect(sentGaloisKeyBytes(exact, 3)).toBe(3 * sentGaloisKeyBytes(parameters, 3));
  });
});
