import { describe, expect, it } from 'vitest';
import type { Coefficient, PolynomialInstruction } from '../program.ts';
import { choosePolynomialPlan, planStructure } from './choose-polynomial-plan.ts';
import type { ChebyshevSum } from './polynomial-plan.ts';

const SLOTS = 64;

/** Which products and terms there are, without their values. */
const outline = ({ products, terms, constant }: ChebyshevSum): unknown => ({
  products: products.map(({ giant, quotient }) => [giant, outline(quotient)]),
  terms: terms.map(({ k, coefficient }) => [k, typeof coefficient]),
  constant: constant === null ? null : typeof constant,
});

function instruction(degree: number, coefficient: (k: number) => Coefficient): PolynomialInstruction {
  const coefficients = [Array.from({ length: degree + 1 }, (_, k) => coefficient(k))];
  return {
    kind: 'polynomial',
    layer: 'f',
    input: 0,
    output: 1,
    level: 11,
    degree,
    unitLeading: false,
    coefficients,
  };
}

const vector = (k: number): Coefficient => ({
  indices: null,
  values: Float64Array.from({ length: SLOTS }, (_, slot) => Math.cos(3 * k + slot)),
});

describe('planStructure', () => {
  it.each([
    ['numbers', vectorless],
    ['vectors', vector],
    ['vectors of even degree only', (k: number) => (k % 2 === 0 ? vector(k) : 0)],
    ['numbers among vectors', (k: number) => (k % 5 === 0 ? vectorless(k) : vector(k))],
  ] as const)('is the chosen plan but for the values: %s', (_, coefficient) => {
    for (const degree of [3, 15, 100, 255]) {
      const whole = choosePolynomialPlan(instruction(degree, coefficient), SLOTS);
      const structure = planStructure(instruction(degree, coefficient));
      expect(structure).toMatchObject({ depth: whole.depth, powers: whole.powers });
      expect(structure.sums.map(outline)).toEqual(whole.sums.map(outline));
    }
  });
});

function vectorless(k: number): number {
  return Math.cos(2 * k + 1);
}
