/** How many primitive operations a program takes, found by interpreting it on shapes. */
import type { OperationCounts } from '../artifact.ts';
import type { Instruction, Program } from '../program.ts';
import { operandsOf } from '../program.ts';
import { planStructure } from './choose-polynomial-plan.ts';
import { CountingAlgebra, shapesOf } from './counting-algebra.ts';
import type { OperationVisitor, PrimitiveOperation } from './counting-algebra.ts';
import { evaluateInstruction } from './evaluate-instruction.ts';

/**
 * Counts of the whole program and of each instruction. A `multiply` is one ciphertext product; its relinearization is
 * shared by all products of a sum and is reported to visitors only.
 */
export function countOperations(program: Program): {
  total: OperationCounts;
  perInstruction: OperationCounts[];
} {
  const perInstruction = program.instructions.map((instruction) => {
    const counts = emptyCounts();
    visitOperations(program, instruction, (operation) => addOperation(counts, operation));
    return counts;
  });
  const total = emptyCounts();
  for (const counts of perInstruction) {
    for (const [key, count] of Object.entries(counts)) {
      const operation = key as keyof OperationCounts;
      total[operation] = (total[operation] ?? 0) + count;
    }
  }
  return { total, perInstruction };
}

/** Tells the visitor of every primitive operation of one instruction, in order, with its level. */
export function visitOperations(program: Program, instruction: Instruction, visit: OperationVisitor): void {
  const algebra = new CountingAlgebra(program.slotCount, nominalPrimes(program), visit);
  const values = program.values.map((value) => ({ ...value, scale: NOMINAL }));
  const nominal =
    instruction.kind === 'linear'
      ? { ...instruction, plainScales: instruction.inputs.map(() => NOMINAL) }
      : instruction;
  const operands = operandsOf(instruction).map((id) => shapesOf(values[id]!));
  evaluateInstruction(algebra, { ...program, values }, nominal, operands, planStructure);
}

/** Counts do not depend on scales, so that programs can be counted before their primes exist. */
const NOMINAL = 2 ** 40;

function nominalPrimes(program: Program): number[] {
  const top = Math.max(0, ...program.values.map((value) => value.level));
  return Array<number>(top + 1).fill(NOMINAL);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function emptyCounts(): Mutable<OperationCounts> {
  return { rotate: 0, multiplyPlain: 0, multiply: 0, add: 0, addPlain: 0, rescale: 0 };
}

function addOperation(counts: Mutable<OperationCounts>, operation: PrimitiveOperation): void {
  if (operation === 'relinearize' || operation === 'encode') return;
  counts[operation] = (counts[operation] ?? 0) + 1;
}
