/** How many multiplications follow one another: rescales on the longest way from an input to an output. */
import type { Instruction, Program } from './program.ts';
import { operandsOf, polynomialDepth } from './program.ts';

/** Those within a refresh are its own matter: it gives more levels than it takes. */
export function multiplicativeDepth({
  values,
  instructions,
  outputs,
}: Pick<Program, 'values' | 'instructions' | 'outputs'>): number {
  const depths = new Float64Array(values.length);
  for (const instruction of instructions) {
    const before = operandsOf(instruction).map((id) => depths[id]!);
    depths[instruction.output] = Math.max(0, ...before) + rescales(instruction);
  }
  return Math.max(0, ...outputs.map(({ value }) => depths[value]!));
}

function rescales(instruction: Instruction): number {
  switch (instruction.kind) {
    case 'linear':
    case 'product':
      return 1;
    case 'polynomial':
      return polynomialDepth(instruction.degree, instruction.unitLeading);
    case 'refresh':
      return 0;
  }
}
