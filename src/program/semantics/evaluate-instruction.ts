/** What an instruction means, on the operations of an algebra: the one place where kinds of instructions are told apart for that. */
import type { Instruction, PolynomialInstruction, Program } from '../program.ts';
import { unreachable } from '../../errors.ts';
import { choosePolynomialPlan } from './choose-polynomial-plan.ts';
import { evaluateLinear } from './evaluate-linear.ts';
import { evaluatePolynomial } from './evaluate-polynomial.ts';
import { evaluateProduct } from './evaluate-product.ts';
import { evaluateRefresh } from './evaluate-refresh.ts';
import type { PolynomialPlan } from './polynomial-plan.ts';
import type { SlotAlgebra } from './slot-algebra.ts';

/**
 * All ciphertexts of the output, owned by the caller.
 * @param program of whose values level and scale count
 * @param operands ciphertexts of each operand, in the order of `operandsOf`
 * @param planOf how polynomials are evaluated, where that is not to be chosen anew
 */
export function evaluateInstruction<C, P>(
  algebra: SlotAlgebra<C, P>,
  { slotCount, values }: Pick<Program, 'slotCount' | 'values'>,
  instruction: Instruction,
  operands: readonly (readonly C[])[],
  planOf: (instruction: PolynomialInstruction) => PolynomialPlan = (polynomial) =>
    choosePolynomialPlan(polynomial, slotCount),
): C[] {
  const output = values[instruction.output]!;
  const [first, second] = operands;
  switch (instruction.kind) {
    case 'linear': {
      const counts = operands.map((list) => list.length);
      return evaluateLinear(algebra, instruction, operands.flat(), counts, output.scale);
    }
    case 'polynomial': {
      const plan = planOf(instruction);
      return first!.map((x, index) => evaluatePolynomial(algebra, plan, instruction.level, x, index));
    }
    case 'product':
      return first!.map((x, index) => evaluateProduct(algebra, instruction, x, second![index]!));
    case 'refresh':
      return first!.map((x) => evaluateRefresh(algebra, instruction, x, output));
    default:
      return unreachable(instruction, 'instruction');
  }
}
