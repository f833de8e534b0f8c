/** Puts a program's numbers into shared memory, so that all workers read one copy. */
import type { Coefficient, Instruction, Program } from '../../program/program.ts';
import type { SlotVector } from '../../program/slot-vector.ts';

/** The same program, its slot vectors backed by one SharedArrayBuffer. Each distinct vector is stored once. */
export function shareProgram(program: Program): Program {
  const vectors = new Map<SlotVector, SlotVector>();
  let bytes = 0;
  for (const vector of slotVectors(program.instructions)) {
    if (vectors.has(vector)) continue;
    vectors.set(vector, vector);
    bytes += vector.values.length * 8 + indexBytes(vector);
  }
  const buffer = new SharedArrayBuffer(bytes);
  let offset = 0;
  for (const vector of vectors.keys()) {
    const values = new Float64Array(buffer, offset, vector.values.length);
    values.set(vector.values);
    offset += values.byteLength;
    let indices: Int32Array | null = null;
    if (vector.indices !== null) {
      indices = new Int32Array(buffer, offset, vector.indices.length);
      indices.set(vector.indices);
      offset += indexBytes(vector);
    }
    vectors.set(vector, { indices, values });
  }
  const shared = (vector: SlotVector): SlotVector => vectors.get(vector)!;
  return {
    ...program,
    instructions: program.instructions.map((instruction) => withVectors(instruction, shared)),
  };
}

/** Rounded up so that what follows is aligned to 8 bytes. */
function indexBytes({ indices }: SlotVector): number {
  return indices === null ? 0 : Math.ceil(indices.length / 2) * 8;
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
