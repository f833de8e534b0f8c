import { describe, expect, it } from 'vitest';
import { applyDiagonals, bitReversal, coefficientsToSlots, slotsToCoefficients } from './slot-transform.ts';
import type { ComplexDiagonals, ComplexSlots } from './slot-transform.ts';
import { transformGrid } from './transform-stage.ts';

const N = 128;
const SLOTS = N / 2;

function values(seed: number): Float64Array {
  return Float64Array.from({ length: SLOTS }, (_, i) => Math.sin(seed + 1.7 * i * i));
}

/** Slots of the polynomial with coefficient `first + k` being c_k, by definition. */
function slotsOf(c: Float64Array, first: number): ComplexSlots {
  const [re, im] = [new Float64Array(SLOTS), new Float64Array(SLOTS)];
  for (let slot = 0, power = 1; slot < SLOTS; slot++, power = (3 * power) % (2 * N)) {
    for (const [k, value] of c.entries()) {
      const angle = (Math.PI * ((power * (first + k)) % (2 * N))) / N;
      re[slot] = re[slot]! + value * Math.cos(angle);
      im[slot] = im[slot]! + value * Math.sin(angle);
    }
  }
  return { re, im };
}

/** Factors of groups of butterfly stages. */
function factorsOf(
  make: typeof slotsToCoefficients,
  slotCount: number,
  groups: readonly number[],
): ComplexDiagonals[] {
  let first = 0;
  return groups.map((stages) => {
    const factor = make(slotCount, { first, stages });
    first += stages;
    return factor;
  });
}
const down = (slotCount: number, groups: readonly number[]): ComplexDiagonals[] =>
  factorsOf(slotsToCoefficients, slotCount, groups);
const up = (slotCount: number, groups: readonly number[]): ComplexDiagonals[] =>
  factorsOf(coefficientsToSlots, slotCount, groups).reverse();

function through(factors: readonly ComplexDiagonals[], from: ComplexSlots): ComplexSlots {
  return factors.reduce((slots, factor) => applyDiagonals(factor, slots), from);
}

function inOrder(v: Float64Array): Float64Array {
  const c = new Float64Array(SLOTS);
  for (const [slot, k] of bitReversal(SLOTS).entries()) c[k] = v[slot]!;
  return c;
}

function expectClose(actual: Float64Array, expected: Float64Array): void {
  for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 10);
}

describe.each([[[6]], [[3, 3]], [[2, 2, 2]], [[4, 1, 1]]])('groups of %j stages', (groups) => {
  it('put real slots into the lower coefficients, bit-reversed', () => {
    const v = values(1);
    const { re, im } = through(down(SLOTS, groups), { re: v, im: new Float64Array(SLOTS) });
    const expected = slotsOf(inOrder(v), 0);
    expectClose(re, expected.re);
    expectClose(im, expected.im);
  });

  it('bring back the lower coefficients as real parts, whatever the upper ones are', () => {
    const v = values(2);
    const [lower, upper] = [slotsOf(inOrder(v), 0), slotsOf(values(3), SLOTS)];
    const both = {
      re: lower.re.map((x, i) => x + upper.re[i]!),
      im: lower.im.map((x, i) => x + upper.im[i]!),
    };
    expectClose(through(up(SLOTS, groups), both).re, v);
  });
});

it('what is imaginary comes back as real parts by half: the transform is not unitary', () => {
  const im = values(4);
  const back = through(up(SLOTS, [3, 3]), through(down(SLOTS, [3, 3]), { re: new Float64Array(SLOTS), im }));
  const square = (v: Float64Array): number => v.reduce((sum, x) => sum + x * x, 0);
  expect(square(back.re) / square(im)).toBeCloseTo(1 / 2, 10);
});

it.each([
  [512, [5, 4]],
  [512, [3, 3, 3]],
  [64, [1, 2, 3]],
  [64, [6]],
])('of %i slots have the diagonals that the grid of %j stages foresees', (slotCount, groups) => {
  for (const factors of [down(slotCount, groups), up(slotCount, groups).reverse()]) {
    groups.forEach((stages, i) => {
      const first = groups.slice(0, i).reduce((sum, group) => sum + group, 0);
      const shape = { slotCount, first, stages, babies: 4, level: 1, real: false };
      const grid = transformGrid(shape);
      const offsets = Array.from(
        { length: grid.diagonals },
        (_, k) => (grid.first + grid.stride * k) % slotCount,
      );
      expect([...factors[i]!.keys()].sort((x, y) => x - y)).toEqual(offsets.sort((x, y) => x - y));
    });
  }
});
