/** Exact integers modulo a modulus, against the same in exact arithmetic. */
import { describe, expect, it } from 'vitest';
import type { LinearInstruction, PolynomialInstruction } from '../program.ts';
import type { SlotVector } from '../slot-vector.ts';
import { referenceLinear, seededRandom } from '../testing/random-instructions.ts';
import { choosePolynomialPlan } from './choose-polynomial-plan.ts';
import { evaluateLinear } from './evaluate-linear.ts';
import { evaluatePolynomial } from './evaluate-polynomial.ts';
import { evaluateProduct } from './evaluate-product.ts';
import { centred, exactInteger, IntegerAlgebra, type IntegerCiphertext } from './integer-algebra.ts';

const SLOTS = 8;
const MODULUS = 101n;

function encrypted(slots: readonly number[], level = 4): IntegerCiphertext {
  return { level, scale: 1, degree: 1, slots: slots.map(BigInt) };
}

const integers = (seed: number): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length: SLOTS }, () => Math.floor(40 * random()) - 20);
};

it('remainders are centred, and only integers are exact', () => {
  expect([50n, 51n, -50n, -51n, 202n, -303n].map((value) => centred(value, MODULUS))).toEqual([
    50n,
    -50n,
    -50n,
    50n,
    0n,
    0n,
  ]);
  expect(centred(2n, 4n)).toBe(2n);
  expect(exactInteger(-7)).toBe(-7n);
  expect(() => exactInteger(0.5)).toThrow(/holds 0.5/);
});

describe('integer programs', () => {
  const algebra = new IntegerAlgebra(SLOTS, 5, MODULUS);
  const mod = (value: number): bigint => centred(BigInt(value), MODULUS);

  it('multiply slot by slot', () => {
    const [x, y] = [integers(1), integers(2)];
    const product = evaluateProduct(algebra, { level: 3 }, encrypted(x), encrypted(y));
    expect(product).toMatchObject({ level: 2, scale: 1 });
    expect(product.slots).toEqual(x.map((value, i) => mod(value * y[i]!)));
  });

  it('rotate to the left, leaving what they rotate as it was', () => {
    const x = encrypted([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(algebra.rotate(x, 3).slots.map(Number)).toEqual([3, 4, 5, 6, 7, 0, 1, 2]);
    expect(x.slots.map(Number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    algebra.rotateInPlace(x, 7);
    expect(x.slots.map(Number)).toEqual([7, 0, 1, 2, 3, 4, 5, 6]);
    const copy = algebra.dropToLevel(x, 1);
    copy.slots[0] = 9n;
    expect([copy.level, x.slots[0]]).toEqual([1, 7n]);
  });

  it('map linearly', () => {
    const diagonal = (seed: number): SlotVector => ({
      indices: null,
      values: Float64Array.from(integers(seed)),
    });
    const instruction: LinearInstruction = {
      ...{ kind: 'linear', layer: 'l', inputs: [0, 1], output: 2, level: 3, plainScales: [1, 1] },
      babies: [
        { source: 0, step: 0, from: -1, via: [] },
        { source: 1, step: 3, from: -1, via: [3] },
      ],
      outputs: [
        {
          giants: [
            { step: 4, into: 1, via: [4], terms: [{ baby: 0, diagonal: diagonal(3) }] },
            {
              ...{ step: 0, into: -1, via: [] },
              terms: [
                { baby: 0, diagonal: -2 },
                { baby: 1, diagonal: diagonal(8) },
              ],
            },
          ],
          reductions: [[2]],
          bias: diagonal(9),
        },
      ],
    };
    const inputs = [integers(4), integers(5)];
    const ciphertexts = inputs.map((input) => encrypted(input));
    const outputs = evaluateLinear(algebra, instruction, ciphertexts, [1, 1], 1);
    const expected = referenceLinear(
      instruction,
      inputs.map((input) => Float64Array.from(input)),
    );
    expect(outputs.map(({ slots }) => slots.map((value) => centred(value, MODULUS)))).toEqual(
      expected.map((slots) => [...slots].map(mod)),
    );
    expect(outputs[0]).toMatchObject({ level: 2, scale: 1 });
  });

  it('evaluate polynomials', () => {
    const coefficients = [3, -2, { indices: Int32Array.of(1, 6), values: Float64Array.of(5, -4) }];
    const instruction: PolynomialInstruction = {
      ...{ kind: 'polynomial', layer: 'f', input: 0, output: 1, level: 4, degree: 2, unitLeading: false },
      coefficients: [coefficients],
    };
    const x = integers(6);
    const result = evaluatePolynomial(
      algebra,
      choosePolynomialPlan(instruction, SLOTS),
      instruction.level,
      encrypted(x),
      0,
    );
    // T_2(x) = 2x² − 1.
    const second = (slot: number): number => (slot === 1 ? 5 : slot === 6 ? -4 : 0);
    expect(result.slots.map((value) => centred(value, MODULUS))).toEqual(
      x.map((value, slot) => mod(3 - 2 * value + second(slot) * (2 * value * value - 1))),
    );
  });

  it('know which plaintexts are nothing modulo the modulus, and refuse those that are no integers', () => {
    expect(algebra.encode(202, 1, 1)).toBeNull();
    const vector = { indices: null, values: Float64Array.of(101, 1, 0, 0, 0, 0, 0, -101) };
    expect(algebra.encode(vector, 1, 1)!.entries).toEqual([[1, 1n]]);
    expect(algebra.encode(vector, 2, 1)).toMatchObject({ level: 2, scale: 1 });
    expect(() => algebra.encode(0.5, 1, 1)).toThrow(/holds 0.5/);
    expect(algebra.zeroFrom(encrypted(integers(1))).slots).toEqual(Array(SLOTS).fill(0n));
  });

  it('can be stopped at every rotation and product', () => {
    let calls = 0;
    const counting = new IntegerAlgebra(SLOTS, 5, MODULUS, () => void calls++);
    const x = encrypted(integers(7));
    counting.rotate(x, 1);
    counting.multiply(x, x, 1);
    counting.multiplyPlain(x, counting.encode(3, 4, 1)!, 1);
    expect(calls).toBe(3);
  });
});
