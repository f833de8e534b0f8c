/** What every backend must do: the one suite that all of them run. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Coefficient, GiantStep, OutputPlan, Program } from '../../../program/program.ts';
import type { CkksParameters } from '../../../program/security.ts';
import { ProgramBuilder } from '../../../program/testing/program-builder.ts';
import type { RandomLinearShape } from '../../../program/testing/random-instructions.ts';
import {
  randomLinear,
  randomVector,
  randomWeights,
  referenceProgram,
  seededRandom,
} from '../../../program/testing/random-instructions.ts';
import type { EvaluationBackend } from '../../backend.ts';
import { canDivide } from '../../backend.ts';

/** A backend with keys for every step in `rotationSteps`, and the means to get slots in and out. */
export interface BackendUnderTest<C> extends Disposable {
  readonly backend: EvaluationBackend<C>;
  readonly encrypt: (slots: Float64Array, level: number, scale: number) => Uint8Array;
  readonly decrypt: (bytes: Uint8Array, level: number, scale: number) => Float64Array;
  /** Objects alive in the backend's own memory. */
  liveHandles(): number;
}

export interface BackendContract<C> {
  readonly name: string;
  readonly parameters: CkksParameters;
  make(parameters: CkksParameters, rotationSteps: readonly number[]): Promise<BackendUnderTest<C>>;
  /** Standard deviation of the error that one rescale leaves in a slot; 0 for exact backends. */
  readonly errorUnit: number;
  readonly polynomials: readonly { readonly degree: number; readonly unitLeading: boolean }[];
}

/**
 * A maximum over slots stays below this many standard deviations. In a slot the error is a Gaussian times the secret's own
 * value there, itself Gaussian: beyond x deviations is a share of about exp(−√2 x), which is 1e-10 of the slots.
 */
const SIGMAS = 16;

const STEPS = [1, 2, 3, 4, 64, 128];

const LINEAR_SHAPES: readonly RandomLinearShape[] = [
  { sources: 1, outputs: 1, babySteps: 4, giantSteps: 2, style: 'direct', bias: true },
  { sources: 2, outputs: 2, babySteps: 3, giantSteps: 3, style: 'chain', bias: true },
  {
    sources: 1,
    outputs: 1,
    babySteps: 2,
    giantSteps: 2,
    style: 'chain',
    reductions: [[128], [64, 4]],
    density: 0.1,
  },
];

export function describeBackendContract<C>(contract: BackendContract<C>): void {
  const { parameters, errorUnit } = contract;
  describe(`${contract.name} backend`, () => {
    let tested: BackendUnderTest<C>;
    beforeAll(async () => {
      tested = await contract.make(parameters, STEPS);
    }, 300_000);
    afterAll(() => tested[Symbol.dispose]());

    const check = (program: Program, gain: number): void => {
      const handles = tested.liveHandles();
      const random = seededRandom(77);
      const inputs = program.inputs.map(({ layout }) =>
        Array.from({ length: layout.ciphertexts }, () =>
          Float64Array.from({ length: program.slotCount }, () => 2 * random() - 1),
        ),
      );
      const outputs = runOnBackend(tested, program, inputs);
      const expected = referenceProgram(program, inputs);
      const tolerance = 1e-10 + SIGMAS * gain * errorUnit;
      expect(maxDifference(outputs, expected)).toBeLessThan(tolerance);
      expect(tested.liveHandles()).toBe(handles);
    };

    it.each(LINEAR_SHAPES)('evaluates linear transforms: %o', (shape) => {
      const builder = new ProgramBuilder(parameters);
      const inputs = Array.from({ length: shape.sources }, () => builder.input(1));
      const plan = randomLinear(seededRandom(5), builder.slotCount, shape);
      const terms = shape.sources * shape.babySteps * shape.giantSteps;
      const sums = 2 ** (shape.reductions?.length ?? 0);
      check(builder.build([builder.linear(inputs, plan)]), sums * Math.sqrt(1 + terms));
    });

    it.each([
      { sources: 1, outputs: 2 },
      { sources: 30, outputs: 3, density: 0.8 },
    ])('adds up ciphertexts weighted by numbers: %o', (shape) => {
      const builder = new ProgramBuilder(parameters);
      const plan = randomWeights(seededRandom(6), shape);
      check(
        builder.build([builder.linear([builder.input(shape.sources)], plan)]),
        Math.sqrt(1 + shape.sources),
      );
    });

    it('mixes numbers and vectors, and leaves out numbers that round to nothing', () => {
      const builder = new ProgramBuilder(parameters);
      const diagonal = randomVector(seededRandom(8), builder.slotCount);
      const babies = [0, 1].map((source) => ({ source, step: 0, from: -1, via: [] }));
      const giant = (terms: GiantStep['terms']): GiantStep => ({ step: 0, into: -1, via: [], terms });
      const plan = (terms: GiantStep['terms']): OutputPlan => ({
        giants: [giant(terms)],
        reductions: [],
        bias: null,
      });
      const outputs = [
        plan([
          { baby: 0, diagonal: 0.75 },
          { baby: 1, diagonal },
        ]),
        plan([
          { baby: 0, diagonal: 1e-20 },
          { baby: 1, diagonal: 0 },
        ]),
      ];
      check(builder.build([builder.linear([builder.input(2)], { babies, outputs })]), 2);
    });

    it('makes an output of which no term is left', () => {
      const builder = new ProgramBuilder(parameters);
      const bias = randomVector(seededRandom(1), builder.slotCount);
      const plan = { babies: [], outputs: [{ giants: [], reductions: [], bias }] };
      check(builder.build([builder.linear([builder.input(1)], plan)]), 1);
    });

    it.each(contract.polynomials)('evaluates polynomials: %o', ({ degree, unitLeading }) => {
      const builder = new ProgramBuilder(parameters);
      const random = seededRandom(degree);
      const count = unitLeading ? degree : degree + 1;
      const coefficients = Array.from({ length: count }, (_, k): Coefficient =>
        k % 2 === 0 ? random() - 0.5 : randomVector(random, builder.slotCount),
      );
      const output = builder.polynomial(builder.input(1), [coefficients], { unitLeading });
      // An error of T_k's argument grows by its derivative, at most k².
      const gain = Array.from({ length: degree + 1 }, (_, k) => k * k).reduce((a, b) => a + b, 1);
      check(builder.build([output]), gain);
    });

    it('multiplies values of different levels', () => {
      const builder = new ProgramBuilder(parameters);
      const x = builder.input(2);
      const square = builder.polynomial(
        x,
        [
          [0, 0],
          [0, 0],
        ],
        { unitLeading: true },
      );
      check(builder.build([builder.product(square, x)]), 4);
    });

    it('adds partial sums to the whole', ({ skip }) => {
      const builder = new ProgramBuilder(parameters);
      const shape = { sources: 1, outputs: 1, babySteps: 4, giantSteps: 2, style: 'direct' as const };
      const x = builder.input(1);
      builder.linear([x], randomLinear(seededRandom(6), builder.slotCount, shape));
      const program = builder.build([1]);
      const instruction = program.instructions[0]!;
      if (instruction.kind !== 'linear') throw new Error('unreachable');
      const { level, scale } = program.values[0]!;
      const random = seededRandom(8);
      const slots = Float64Array.from({ length: program.slotCount }, () => 2 * random() - 1);
      const { backend } = tested;
      // One with threads of its own has nothing to divide.
      if (!canDivide(backend)) return skip('this backend does not divide instructions');
      const input = backend.load(tested.encrypt(slots, level, scale), level, scale);
      const outputScale = program.values[1]!.scale;
      const sums = [0, 1].map((part) => {
        const operands = { ciphertexts: [input], counts: [1] };
        return backend.linearSums(instruction, operands, outputScale, (_o, _g, t) => t % 2 === part)[0]!;
      });
      const [result] = backend.linearFinish(instruction, [{ output: 0, sums }], input, outputScale);
      const actual = tested.decrypt(backend.store(result!), level - 1, outputScale);
      backend.free(input);
      backend.free(result!);
      const expected = referenceProgram(program, [[slots]]);
      expect(maxDifference([[actual]], expected)).toBeLessThan(1e-10 + SIGMAS * 3 * errorUnit);
    });
  });
}

/** Instruction by instruction, everything freed at the end. */
export function runOnBackend<C>(
  { backend, encrypt, decrypt }: BackendUnderTest<C>,
  program: Program,
  inputs: readonly (readonly Float64Array[])[],
): Float64Array[][] {
  const values = new Map<number, C[]>();
  program.inputs.forEach(({ value }, i) => {
    const { level, scale } = program.values[value]!;
    const load = (slots: Float64Array): C => backend.load(encrypt(slots, level, scale), level, scale);
    values.set(value, inputs[i]!.map(load));
  });
  for (const instruction of program.instructions) {
    const { scale } = program.values[instruction.output]!;
    switch (instruction.kind) {
      case 'linear': {
        const groups = instruction.inputs.map((id) => values.get(id)!);
        const operands = { ciphertexts: groups.flat(), counts: groups.map((group) => group.length) };
        values.set(instruction.output, backend.linear(instruction, operands, scale));
        break;
      }
      case 'polynomial':
        values.set(
          instruction.output,
          values.get(instruction.input)!.map((x, ct) => backend.polynomial(instruction, x, ct, scale)),
        );
        break;
      case 'product': {
        const right = values.get(instruction.right)!;
        values.set(
          instruction.output,
          values.get(instruction.left)!.map((x, ct) => backend.product(instruction, x, right[ct]!, scale)),
        );
        break;
      }
      case 'refresh':
        values.set(
          instruction.output,
          values
            .get(instruction.input)!
            .map((x) => backend.refresh(instruction, x, program.values[instruction.output]!)),
        );
    }
  }
  const outputs = program.outputs.map(({ value }) => {
    const { level, scale } = program.values[value]!;
    return values.get(value)!.map((ciphertext) => decrypt(backend.store(ciphertext), level, scale));
  });
  for (const list of values.values()) for (const ciphertext of list) backend.free(ciphertext);
  return outputs;
}

export function maxDifference(
  actual: readonly (readonly Float64Array[])[],
  expected: readonly (readonly Float64Array[])[],
): number {
  let max = 0;
  actual.forEach((list, o) => {
    list.forEach((slots, ct) => {
      slots.forEach((value, i) => {
        // Not Math.max alone, which an absent or NaN value would pass through some comparisons.
        const difference = Math.abs(value - expected[o]![ct]![i]!);
        if (!(difference <= max)) max = difference;
      });
    });
  });
  return max;
}
