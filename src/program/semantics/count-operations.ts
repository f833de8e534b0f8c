/** How many primitive operations a program takes, found by interpreting it on shapes. */
import { unreachable } from '../../errors.ts';
import type { OperationCounts } from '../artifact.ts';
import type { Instruction, Program } from '../program.ts';
import { planStructure } from './choose-polynomial-plan.ts';
import { CountingAlgebra } from './counting-algebra.ts';
import type { OperationVisitor, PrimitiveOperation, ShapeCiphertext } from './counting-algebra.ts';
import { evaluateLinear } from './evaluate-linear.ts';
import { evaluatePolynomial } from './evaluate-polynomial.ts';
import { evaluateProduct } from './evaluate-product.ts';

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
    for (const key of Object.keys(counts) as (keyof OperationCounts)[]) total[key] += counts[key];
  }
  return { total, perInstruction };
}

/** Tells the visitor of every primitive operation of one instruction, in order, with its level. */
export function visitOperations(program: Program, instruction: Instruction, visit: OperationVisitor): void {
  const algebra = new CountingAlgebra(program.slotCount, nominalPrimes(program), visit);
  const shapesOf = (id: number): ShapeCiphertext[] => {
    const { ciphertexts, level } = program.values[id]!;
    return Array.from({ length: ciphertexts }, () => ({ level, scale: NOMINAL, degree: 1 }));
  };
  switch (instruction.kind) {
    case 'linear': {
      const inputs = instruction.inputs.map(shapesOf);
      const nominal = { ...instruction, plainScales: instruction.inputs.map(() => NOMINAL) };
      evaluateLinear(
        algebra,
        nominal,
        inputs.flat(),
        inputs.map((list) => list.length),
        NOMINAL,
      );
      return;
    }
    case 'polynomial': {
      const plan = planStructure(instruction);
      shapesOf(instruction.input).forEach((input, index) => {
        evaluatePolynomial(algebra, plan, instruction.level, input, index);
      });
      return;
    }
    case 'product': {
      const right = shapesOf(instruction.right);
      shapesOf(instruction.left).forEach((left, index) => {
        evaluateProduct(algebra, instruction, left, right[index]!);
      });
      return;
    }
    default:
      unreachable(instruction, 'instruction');
  }
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
  counts[operation]++;
}
