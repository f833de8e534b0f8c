/** What the engine is told means what the instructions mean; no engine is needed to see it. */
import { describe, expect, it } from 'vitest';
import type { Coefficient, Instruction, LinearInstruction, Program } from '../../../program/program.ts';
import type { CleartextCiphertext } from '../../../program/semantics/cleartext-algebra.ts';
import { CleartextAlgebra } from '../../../program/semantics/cleartext-algebra.ts';
import { evaluateLinear } from '../../../program/semantics/evaluate-linear.ts';
import { ProgramBuilder } from '../../../program/testing/program-builder.ts';
import { randomLinear, randomVector, seededRandom } from '../../../program/testing/random-instructions.ts';
import { testParameters } from '../../../program/testing/test-parameters.ts';
import { CleartextBackend } from '../cleartext.ts';
import { maxDifference } from '../testing/contract.ts';
import { flattenLinear } from './flatten-linear.ts';
import { recordPolynomial, recordProduct } from './record-tapes.ts';
import { replayLinear, replayTape } from './testing/replay.ts';

const PARAMETERS = testParameters(16384, [50, 40, 40, 40, 40, 40, 40], 50, 40);
const PRIMES = PARAMETERS.dataPrimes.map(Number);
const SLOTS = PARAMETERS.polyModulusDegree / 2;
const algebra = new CleartextAlgebra(SLOTS, PRIMES);

function input({ values }: Program, id: number, seed: number): CleartextCiphertext {
  const random = seededRandom(seed);
  const { level, scale } = values[id]!;
  return { level, scale, degree: 1, slots: Float64Array.from({ length: SLOTS }, () => 2 * random() - 1) };
}

function only<K extends Instruction['kind']>(program: Program, kind: K): Extract<Instruction, { kind: K }> {
  const found = program.instructions.findLast((instruction) => instruction.kind === kind);
  return found as Extract<Instruction, { kind: K }>;
}

describe('tapes', () => {
  const degrees = [1, 2, 3, 5, 7, 12, 16].map((degree) => ({ degree, unitLeading: false }));
  it.each([...degrees, ...[2, 4, 16].map((degree) => ({ degree, unitLeading: true }))])(
    'replay polynomials to the last bit: %o',
    ({ degree, unitLeading }) => {
      const builder = new ProgramBuilder(PARAMETERS);
      const random = seededRandom(degree);
      const count = unitLeading ? degree : degree + 1;
      const coefficients = Array.from({ length: count }, (_, k): Coefficient =>
        k % 3 === 1 ? 0 : k % 3 === 0 ? random() - 0.5 : randomVector(random, SLOTS),
      );
      const program = builder.build([builder.polynomial(builder.input(1), [coefficients], { unitLeading })]);
      const instruction = only(program, 'polynomial');
      const x = input(program, instruction.input, 5);
      const { scale } = program.values[instruction.output]!;
      const tape = recordPolynomial(instruction, x, 0, scale, SLOTS, PRIMES);
      const expected = new CleartextBackend(SLOTS, PRIMES).polynomial(instruction, x, 0, scale);
      const [actual] = replayTape(algebra, tape, [x]);
      expect(actual).toEqual(expected);
    },
  );

  it.each([true, false])('replay products to the last bit, of a value with itself: %s', (square) => {
    const builder = new ProgramBuilder(PARAMETERS);
    const x = builder.input(1);
    const y = builder.input(1, 3);
    const program = builder.build([square ? builder.product(x, x) : builder.product(x, y)]);
    const instruction = only(program, 'product');
    const factors = (square ? [x] : [x, y]).map((id) => input(program, id, id));
    const { scale } = program.values[instruction.output]!;
    const tape = recordProduct(instruction, factors, scale, SLOTS, PRIMES);
    const backend = new CleartextBackend(SLOTS, PRIMES);
    const expected = backend.product(instruction, factors[0]!, factors.at(-1)!, scale);
    expect(replayTape(algebra, tape, factors)).toEqual([expected]);
  });

  it('refuse a scale that the program did not plan', () => {
    const builder = new ProgramBuilder(PARAMETERS);
    const program = builder.build([builder.polynomial(builder.input(1), [[0, 1, 1]])]);
    const instruction = only(program, 'polynomial');
    const x = input(program, instruction.input, 5);
    expect(() => recordPolynomial(instruction, x, 0, 1, SLOTS, PRIMES)).toThrow('but the program says 1');
  });
});

describe('linear transforms', () => {
  const compare = (program: Program, inputs: readonly CleartextCiphertext[]): LinearInstruction => {
    const instruction = only(program, 'linear');
    const { scale } = program.values[instruction.output]!;
    const counts = instruction.inputs.map((id) => program.values[id]!.ciphertexts);
    const expected = evaluateLinear(algebra, instruction, inputs, counts, scale);
    const actual = replayLinear(algebra, flattenLinear(instruction, counts, scale), inputs);
    expect(actual.map(({ level, scale: s }) => [level, s])).toEqual(
      expected.map(({ level, scale: s }) => [level, s]),
    );
    expect(
      maxDifference([actual.map(({ slots }) => slots)], [expected.map(({ slots }) => slots)]),
    ).toBeLessThan(1e-12);
    return instruction;
  };

  it.each(['direct', 'chain'] as const)('mean the same, with several inputs and outputs: %s', (style) => {
    const builder = new ProgramBuilder(PARAMETERS);
    const [x, y] = [builder.input(1), builder.input(1)];
    const shape = {
      sources: 2,
      outputs: 2,
      babySteps: 3,
      giantSteps: 3,
      style,
      bias: true,
      reductions: [[64, 4]],
    };
    const program = builder.build([builder.linear([x, y], randomLinear(seededRandom(2), SLOTS, shape))]);
    compare(program, [input(program, x, 3), input(program, y, 4)]);
  });

  it('leave out what encodes to zero, and the rotations for it', () => {
    const builder = new ProgramBuilder(PARAMETERS);
    const x = builder.input(1);
    const zero = { indices: new Int32Array(), values: new Float64Array() };
    const tiny = { indices: null, values: new Float64Array(SLOTS).fill(1e-15) };
    const kept = randomVector(seededRandom(1), SLOTS);
    const babies = [0, 1, 2].map((step) => ({ source: 0, step, from: step - 1, via: step === 0 ? [] : [1] }));
    const terms = [zero, kept, tiny].map((diagonal, baby) => ({ baby, diagonal }));
    const outputs = [
      { giants: [{ step: 0, into: -1, via: [], terms }], reductions: [], bias: zero },
      { giants: [{ step: 0, into: -1, via: [], terms: terms.slice(0, 1) }], reductions: [], bias: null },
    ];
    const program = builder.build([builder.linear([x], { babies, outputs })]);
    const instruction = compare(program, [input(program, x, 3)]);
    const flat = flattenLinear(instruction, [1], program.values[instruction.output]!.scale);
    // Babies 0 and 1, which the one term needs, and the input as it is for the output without terms.
    expect(flat.structure[1]).toBe(3);
    expect(flat.values.length).toBe(2);
  });
});
