/** Sees to it that a program's numbers lie in shared memory, so that all workers read one copy. */
import type { Coefficient, Instruction, Program } from '../../program/program.ts';
import type { SlotVector } from '../../program/slot-vector.ts';

type Numbers = Float64Array | Int32Array;

/** The same program; what does not lie in shared memory yet, as that of an artifact that was read does, is copied there once. */
export function shareProgram(program: Program): Program {
  const copies = new Map<Numbers, Numbers>();
  const shared = <T extends Numbers>(array: T, make: (buffer: SharedArrayBuffer) => T): T => {
    if (array.buffer instanceof SharedArrayBuffer) return array;
    const known = copies.get(array);
    if (known !== undefined) return known as T;
    const copy = make(new SharedArrayBuffer(array.byteLength));
    copy.set(array);
    copies.set(array, copy);
    return copy;
  };
  const vectors = new Map<SlotVector, SlotVector>();
  const sharedVector = (vector: SlotVector): SlotVector => {
    const known = vectors.get(vector);
    if (known !== undefined) return known;
    const values = shared(vector.values, (buffer) => new Float64Array(buffer));
    const indices =
      vector.indices === null ? null : shared(vector.indices, (buffer) => new Int32Array(buffer));
    const result = { indices, values };
    vectors.set(vector, result);
    return result;
  };
  return {
    ...program,
    instructions: program.instructions.map((instruction) => withVectors(instruction, sharedVector)),
  };
}

/** Every slot vector of the instructions, as often as it occurs. */
export function* slotVectors(instructions: readonly Instruction[]): Generator<SlotVector> {
  for (const instruction of instructions) {
    switch (instruction.kind) {
      case 'linear':
        for (const { giants, bias } of instruction.outputs) {
          for (const giant of giants) {
            for (const { diagonal } of giant.terms) if (typeof diagonal !== 'number') yield diagonal;
          }
          if (bias !== null && typeof bias !== 'number') yield bias;
        }
        break;
      case 'polynomial':
        for (const list of instruction.coefficients) {
          for (const coefficient of list) if (typeof coefficient !== 'number') yield coefficient;
        }
        break;
      case 'product':
      case 'refresh':
        break;
    }
  }
}

function withVectors(
  instruction: Instruction,
  replaceVector: (vector: SlotVector) => SlotVector,
): Instruction {
  const replace = (value: Coefficient): Coefficient =>
    typeof value === 'number' ? value : replaceVector(value);
  switch (instruction.kind) {
    case 'linear':
      return {
        ...instruction,
        outputs: instruction.outputs.map((plan) => ({
          ...plan,
          giants: plan.giants.map((giant) => ({
            ...giant,
            terms: giant.terms.map(({ baby, diagonal }) => ({ baby, diagonal: replace(diagonal) })),
          })),
          bias: plan.bias === null ? null : replace(plan.bias),
        })),
      };
    case 'polynomial':
      return {
        ...instruction,
        coefficients: instruction.coefficients.map((list) => list.map(replace)),
      };
    case 'product':
    case 'refresh':
      return instruction;
  }
}
