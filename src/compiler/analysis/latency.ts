/** Predicted time of a program: the primitives' costs at their levels, summed, on one core. */
import type { Instruction, Program } from '../../program/program.ts';
import { visitOperations } from '../../program/semantics/count-operations.ts';
import type { CostModel } from './cost-model.ts';

/** Milliseconds per instruction. */
export function predictLatency(program: Program, cost: CostModel): number[] {
  return program.instructions.map((instruction) => instructionMs(program, instruction, cost));
}

function instructionMs(program: Program, instruction: Instruction, cost: CostModel): number {
  let ms = 0;
  visitOperations(program, instruction, (operation, level) => {
    switch (operation) {
      case 'rotate':
        ms += cost.rotate(level);
        break;
      case 'multiplyPlain':
        ms += cost.multiplyPlain(level);
        break;
      case 'multiply':
        // The relinearization of the sum is reported on its own.
        ms += cost.multiply(level) - cost.rotate(level);
        break;
      case 'relinearize':
        ms += cost.rotate(level);
        break;
      case 'add':
      case 'addPlain':
        ms += cost.add(level);
        break;
      case 'rescale':
        ms += cost.rescale(level);
        break;
      case 'encode':
        break;
    }
  });
  return ms;
}
