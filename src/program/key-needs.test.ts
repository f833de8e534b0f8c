import { describe, expect, it } from 'vitest';
import { sentBytes, sentGaloisKeyBytes, sentKeyBytes } from './key-bytes.ts';
import { forEachKeyedStep, keyNeeds, relinearizes } from './key-needs.ts';
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
  });

  it('is there once for each plain modulus', () => {
    const exact = { ...parameters, plainModuli: [17n, 97n, 113n] };
    expect(sentKeyBytes(exact, 3)).toBe(3 * sentKeyBytes(parameters, 3));
    expect(sentGaloisKeyBytes(exact, 3)).toBe(3 * sentGaloisKeyBytes(parameters, 3));
  });
});
