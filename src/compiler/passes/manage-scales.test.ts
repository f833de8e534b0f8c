/** Exact levels and scales of a small program under primes that are far from the scale, so that none can go unnoticed. */
import { describe, expect, it } from 'vitest';
import type { Layout } from '../../program/layout.ts';
import type { LinearInstruction, Program } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import type { PackedInstruction, PackedProgram } from '../ir/packed-program.ts';
import { manageScales } from './manage-scales.ts';

const SLOTS = 4;
const PRIMES = [2 ** 38, 1.3e9, 0.9e9, 1.2e9, 0.8e9, 1.1e9, 1.25e9, 0.85e9].map((prime) => BigInt(prime));
const SCALE = 2 ** 30;

/** Scales do not ask whether parameters are secure, and primes near the scale would hide which of them was taken. */
const PARAMETERS = {
  scheme: 'ckks',
  polyModulusDegree: 2 * SLOTS,
  dataPrimes: PRIMES,
  specialPrimes: [1n, 1n],
  securityLevel: 128,
  secretDistribution: 'uniform-ternary',
  scaleBits: 30,
  dnum: 4,
} as unknown as CkksParameters;

const layout: Layout = {
  shape: [1, SLOTS],
  slotCount: SLOTS,
  ciphertexts: 1,
  period: SLOTS,
  positions: Int32Array.from([0, 1, 2, 3]),
  format: 'test',
};

function linear(inputs: number[], output: number): Omit<LinearInstruction, 'level' | 'plainScales'> {
  const babies = inputs.map((_, source) => ({
    source,
    step: source,
    from: -1,
    via: source === 0 ? [] : [source],
  }));
  const terms = inputs.map((_, baby) => ({ baby, diagonal: 1 }));
  return {
    kind: 'linear',
    layer: `linear ${output}`,
    inputs,
    output,
    babies,
    outputs: [{ giants: [{ step: 0, into: -1, via: [], terms }], reductions: [], bias: null }],
  };
}

function packed(instructions: PackedInstruction[], levels: readonly number[]): PackedProgram {
  const last = instructions.length;
  return {
    slotCount: SLOTS,
    inputs: [{ name: 'x', value: 0 }],
    outputs: [{ name: 'y', value: last }],
    values: Array.from({ length: last + 1 }, (_, id) => ({
      id,
      layer: `layer ${id}`,
      layout,
      level: levels[id] ?? 0,
      bound: id + 0.5,
    })),
    instructions,
    rotationSteps: [],
  };
}

const polynomial = (
  input: number,
  output: number,
  degree: number,
  unitLeading: boolean,
): PackedInstruction => ({
  kind: 'polynomial',
  layer: 'polynomial',
  input,
  output,
  degree,
  unitLeading,
  coefficients: [Array<number>(unitLeading ? degree : degree + 1).fill(1)],
});

const scales = ({ values }: Program): number[] => values.map(({ scale }) => scale);

describe('a program', () => {
  // y = M (x, f(Nx) · Nx) with f of degree 8.
  const program = manageScales(
    packed(
      [
        linear([0], 1),
        polynomial(1, 2, 8, true),
        { kind: 'product', layer: 'product', left: 2, right: 1, output: 3 },
        linear([0, 3], 4),
      ],
      [7, 5, 2, 1, 0],
    ),
    PARAMETERS,
  );
  const [first, power, product, last] = program.instructions;

  it('has every instruction at the level above its result', () => {
    // The input stands above: it is dropped.
    expect(program.instructions.map(({ level }) => level)).toEqual([6, 5, 2, 1]);
    expect(program.values.map(({ level }) => level)).toEqual([7, 5, 2, 1, 0]);
    expect(power).toMatchObject({ kind: 'polynomial', degree: 8, unitLeading: true, input: 1, output: 2 });
    expect(product).toMatchObject({ kind: 'product', left: 2, right: 1, output: 3 });
  });

  it('begins at the default scale and ends there', () => {
    expect(scales(program)[0]).toBe(SCALE);
    expect(scales(program)[4]).toBe(SCALE);
  });

  it('has arguments of polynomials at the scale whose powers end at the default one', () => {
    let scale = scales(program)[1]!;
    for (const level of [5, 4, 3]) scale = scale ** 2 / Number(PRIMES[level]);
    expect(scale / SCALE).toBeCloseTo(1, 9);
    expect(scales(program)[2]! / SCALE).toBeCloseTo(1, 9);
  });

  it('has products at their natural scale', () => {
    expect(scales(program)[3]).toBe((scales(program)[2]! * scales(program)[1]!) / Number(PRIMES[2]));
  });

  it('has plaintexts at the scales that make all terms of a sum meet', () => {
    for (const instruction of [first, last]) {
      if (instruction?.kind !== 'linear') throw new Error('expected a linear map');
      const { inputs, plainScales, level, output } = instruction;
      expect(plainScales).toHaveLength(inputs.length);
      inputs.forEach((id, index) => {
        const result = (plainScales[index]! * scales(program)[id]!) / Number(PRIMES[level]);
        expect(result / scales(program)[output]!).toBeCloseTo(1, 12);
      });
    }
  });

  it('says of its values, ports and keys what it was told', () => {
    expect(program.slotCount).toBe(SLOTS);
    expect(program.values[3]).toMatchObject({ id: 3, layer: 'layer 3', ciphertexts: 1, bound: 3.5 });
    expect(program.inputs).toEqual([{ name: 'x', value: 0, layout }]);
    expect(program.outputs).toEqual([{ name: 'y', value: 4, layout }]);
    expect(program.rotationKeys).toEqual([{ step: 1, level: 1 }]);
    expect(program.relinearizationLevel).toBe(5);
  });
});

describe('the argument of a polynomial', () => {
  const argument = (degree: number, unitLeading: boolean, levels: number[]): number =>
    scales(
      manageScales(packed([linear([0], 1), polynomial(1, 2, degree, unitLeading)], levels), PARAMETERS),
    )[1]!;

  it('starts at a mean of the primes of as many squarings as its highest power takes', () => {
    const prime = (level: number): number => Number(PRIMES[level]);
    // Degree 2 squares once, 3 twice: the second of them serves T_3.
    expect(argument(2, true, [7, 3, 2])).toBeCloseTo(Math.sqrt(SCALE * prime(3)), 1);
    expect(argument(3, false, [7, 3, 1])).toBeCloseTo(Math.sqrt(Math.sqrt(SCALE * prime(2)) * prime(3)), 1);
    expect(argument(5, false, [7, 5, 2])).toBeCloseTo(
      Math.sqrt(Math.sqrt(Math.sqrt(SCALE * prime(3)) * prime(4)) * prime(5)),
      1,
    );
  });

  it('is shared by two polynomials as the first of them needs it', () => {
    const alone = argument(8, true, [7, 5, 2]);
    const both = manageScales(
      packed([linear([0], 1), polynomial(1, 2, 8, true), polynomial(1, 3, 2, true)], [7, 5, 2, 3]),
      PARAMETERS,
    );
    expect(scales(both)[1]).toBe(alone);
  });
});

it('a value that is used before it is made is a fault of the compiler', () => {
  expect(() => manageScales(packed([linear([2], 1), linear([0], 2)], [7, 5, 4]), PARAMETERS)).toThrow(
    /value 2 is used before/,
  );
  expect(() => manageScales(packed([linear([0], 2), linear([0], 2)], [7, 6, 5]), PARAMETERS)).toThrow(
    /value 1 is used before/,
  );
});

it('values that nothing divides keep the scale of integers', () => {
  const exact = { ...PARAMETERS, scheme: 'bfv', scaleBits: 0 } as CkksParameters;
  const program = manageScales(packed([linear([0], 1), polynomial(1, 2, 2, true)], [7, 3, 2]), exact);
  expect(scales(program)).toEqual([1, 1, 1]);
  expect(program.instructions[0]).toMatchObject({ plainScales: [1] });
});
