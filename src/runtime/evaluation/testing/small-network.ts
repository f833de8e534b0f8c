/** A small network with every kind of instruction, and its expected outputs. */
import type { Program } from '../../../program/program.ts';
import type { CkksParameters } from '../../../program/security.ts';
import type { Signature } from '../../../program/signature.ts';
import { ProgramBuilder } from '../../../program/testing/program-builder.ts';
import {
  randomLinear,
  randomVector,
  referenceProgram,
  seededRandom,
} from '../../../program/testing/random-instructions.ts';
import { signatureOf } from '../../../program/testing/signature-of.ts';

export interface SmallNetwork {
  readonly program: Program;
  readonly parameters: CkksParameters;
  readonly signature: Signature;
  readonly inputs: readonly Float64Array[];
  readonly expected: readonly Float64Array[];
}

/** Two inputs of two ciphertexts → linear (2) → square, → linear (1) with a reduction → product with itself. */
export function smallNetwork(parameters: CkksParameters, babySteps = 4, giantSteps = 2): SmallNetwork {
  const builder = new ProgramBuilder(parameters);
  const random = seededRandom(3);
  const x = builder.input(2);
  const first = builder.linear(
    [x],
    randomLinear(random, builder.slotCount, {
      sources: 2,
      outputs: 2,
      babySteps,
      giantSteps,
      style: 'direct',
      bias: true,
      density: 0.5,
    }),
  );
  const linearTerm = randomVector(random, builder.slotCount);
  const square = builder.polynomial(
    first,
    [
      [0.25, linearTerm],
      [0, 0.5],
    ],
    { unitLeading: true },
  );
  const second = builder.linear(
    [square],
    randomLinear(random, builder.slotCount, {
      sources: 2,
      outputs: 1,
      babySteps: 2,
      giantSteps: 2,
      style: 'chain',
      reductions: [[babySteps]],
      density: 0.02,
    }),
  );
  const program = builder.build([builder.product(second, second), square]);
  const inputs = [Float64Array.from({ length: 2 * builder.slotCount }, () => (2 * random() - 1) / 4)];
  const slots = inputs.map((values) => [
    values.subarray(0, builder.slotCount),
    values.subarray(builder.slotCount),
  ]);
  const expected = referenceProgram(program, slots).map((list) => {
    const flat = new Float64Array(list.length * builder.slotCount);
    list.forEach((part, i) => flat.set(part, i * builder.slotCount));
    return flat;
  });
  return { program, parameters, signature: signatureOf(program, parameters), inputs, expected };
}

export function maxError(actual: readonly Float64Array[], expected: readonly Float64Array[]): number {
  let max = 0;
  expected.forEach((values, o) => {
    values.forEach((value, i) => {
      const difference = Math.abs(value - actual[o]![i]!);
      if (!(difference <= max)) max = difference;
    });
  });
  return max;
}
