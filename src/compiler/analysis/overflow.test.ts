import { describe, expect, it } from 'vitest';
import { modulusBits } from '../../program/plaintext-capacity.ts';
import type { Coefficient, Program } from '../../program/program.ts';
import { ProgramBuilder } from '../../program/testing/program-builder.ts';
import { testParameters } from '../../program/testing/test-parameters.ts';
import { findOverflow as findWith } from './overflow.ts';

const PARAMETERS = testParameters(8192, [46, 38, 38, 38], 54, 38);
const SLOTS = PARAMETERS.polyModulusDegree / 2;

const silent = (program: Program): number[] => program.values.map(() => 0);
const findOverflow = (program: Program, parameters: typeof PARAMETERS, noise = silent(program)) =>
  findWith(program, parameters, noise);

const everywhere = (value: number): Coefficient => ({
  indices: null,
  values: new Float64Array(SLOTS).fill(value),
});
const inOneSlot = (value: number): Coefficient => ({
  indices: Int32Array.of(7),
  values: Float64Array.of(value),
});

/** diagonal · x + bias, from level 1 to 0. */
function linear(diagonal: Coefficient, bias: Coefficient | null): Program {
  const builder = new ProgramBuilder(PARAMETERS);
  const babies = [{ source: 0, step: 0, from: -1, via: [] }];
  const giants = [{ step: 0, into: -1, via: [], terms: [{ baby: 0, diagonal }] }];
  const outputs = [{ giants, reductions: [], bias }];
  return builder.build([builder.linear([builder.input(1, 1)], { babies, outputs })]);
}

describe('findOverflow', () => {
  // A plaintext holds a quarter of its modulus: 2^44 at level 0, at a scale of 2^38.
  const largest = 2 ** (modulusBits(PARAMETERS, 0) - 2 - 38);

  it.each([
    ['a vector', everywhere],
    ['a number', (value: number): Coefficient => value],
  ])('finds constants beyond the lowest modulus: %s', (_, of) => {
    expect(findOverflow(linear(1, of(0.99 * largest)), PARAMETERS)).toBeNull();
    const found = findOverflow(linear(1, of(8 * largest)), PARAMETERS)!;
    expect(found).toMatchObject({ what: 'constants', value: 1 });
    expect(found.excessBits).toBeCloseTo(3, 6);
  });

  it('knows that a few slots make small coefficients', () => {
    expect(findOverflow(linear(1, inOneSlot(0.99 * SLOTS * largest)), PARAMETERS)).toBeNull();
    expect(findOverflow(linear(1, inOneSlot(1.01 * SLOTS * largest)), PARAMETERS)).not.toBeNull();
  });

  it('finds weights beyond the modulus of their level', () => {
    const weight = 2 ** (modulusBits(PARAMETERS, 1) - 2) / Number(PARAMETERS.dataPrimes[1]!);
    expect(findOverflow(linear(everywhere(0.99 * weight), null), PARAMETERS)).toBeNull();
    expect(findOverflow(linear(everywhere(1.01 * weight), null), PARAMETERS)).toMatchObject({
      what: 'constants',
    });
  });

  it("finds coefficients beyond it at the scales of a polynomial's leaves", () => {
    const polynomial = (c: number): Program => {
      const builder = new ProgramBuilder(PARAMETERS);
      const coefficients = [0.5, everywhere(c), 0.5, 0.5];
      return builder.build([builder.polynomial(builder.input(1, 2), [coefficients])]);
    };
    expect(findOverflow(polynomial(2 ** 30), PARAMETERS)).toBeNull();
    expect(findOverflow(polynomial(2 ** 60), PARAMETERS)).toMatchObject({ what: 'constants', value: 1 });
  });

  it('finds powers that wrap inside of a polynomial, however small its coefficients', () => {
    const builder = new ProgramBuilder(PARAMETERS);
    const program = builder.build([builder.polynomial(builder.input(1, 2), [[0, 1e-30, 0, 1e-30]])]);
    const reaching = (bound: number): Program => ({
      ...program,
      values: program.values.map((value) => (value.id === 0 ? { ...value, bound } : value)),
    });
    expect(findOverflow(reaching(1.25), PARAMETERS)).toBeNull();
    expect(findOverflow(reaching(2 ** 20), PARAMETERS)).toBeNull();
    expect(findOverflow(reaching(2 ** 30), PARAMETERS)).toMatchObject({ what: 'values', value: 0 });
  });

  it('counts the noise of values to their size', () => {
    const program = linear(1, null);
    expect(findOverflow(program, PARAMETERS, [0, 1])).toBeNull();
    expect(findOverflow(program, PARAMETERS, [0, 2 ** 6])).toMatchObject({ what: 'values', value: 1 });
  });

  it('finds values that wrap at their level', () => {
    const program = linear(1, null);
    const bounded = (bound: number): Program => ({
      ...program,
      values: program.values.map((value) => (value.id === 1 ? { ...value, bound } : value)),
    });
    expect(findOverflow(bounded(2 ** 6), PARAMETERS)).toBeNull();
    expect(findOverflow(bounded(2 ** 8), PARAMETERS)).toMatchObject({ what: 'values', value: 1 });
  });
});
