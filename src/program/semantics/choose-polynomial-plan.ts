/** Picks the cheapest polynomial plan by dry run, and tells its output scale. */
import { InternalError } from '../../errors.ts';
import type { Coefficient, PolynomialInstruction } from '../program.ts';
import { isZero } from '../slot-vector.ts';
import { CountingAlgebra } from './counting-algebra.ts';
import type { PrimitiveOperation } from './counting-algebra.ts';
import { evaluatePolynomial } from './evaluate-polynomial.ts';
import type { PolynomialPlan, SplitShape } from './polynomial-plan.ts';
import { nonZeroPattern, planPolynomial, splitShapes } from './polynomial-plan.ts';

/**
 * The plan with the least cost, the smaller number of babies on a tie. The choice depends on level, degree, form and on
 * which coefficients are exactly zero, so compiler and runtime agree on it.
 */
export function choosePolynomialPlan(instruction: PolynomialInstruction, slotCount: number): PolynomialPlan {
  return planPolynomial(instruction, slotCount, chooseShape(instruction));
}

/**
 * The chosen plan with vectors of a single slot in place of the real ones: all that forecasts of time and memory need, at a
 * fraction of what it takes to compute hundreds of vectors of tens of thousands of slots.
 */
export function planStructure(instruction: PolynomialInstruction): PolynomialPlan {
  const standIn = (coefficient: Coefficient, k: number): Coefficient =>
    typeof coefficient === 'number' || isZero(coefficient)
      ? coefficient
      : { indices: null, values: Float64Array.of(withoutPattern(k)) };
  const coefficients = instruction.coefficients.map((own) => own.map(standIn));
  return planPolynomial({ ...instruction, coefficients }, 1, chooseShape(instruction));
}

/** Stand-in coefficients that do not cancel. */
const withoutPattern = (k: number): number => Math.sqrt(k + 2);

function chooseShape(instruction: PolynomialInstruction): SplitShape {
  // The search need not touch slot vectors.
  const pattern = nonZeroPattern(instruction).map((present, k) => (present ? withoutPattern(k) : 0));
  const standIn = { ...instruction, coefficients: [pattern] };
  let best: SplitShape | null = null;
  let bestCost = Infinity;
  for (const shape of splitShapes(instruction.degree)) {
    const cost = relativeCost(planPolynomial(standIn, 1, shape), instruction.level);
    if (cost < bestCost) [best, bestCost] = [shape, cost];
  }
  return best!;
}

/**
 * Scale of the result: the input's or, with a unit leading coefficient, that of T_{d/2}(x)² after its rescale.
 * @param primes q_0 … q_L as float64
 */
export function polynomialOutputScale(
  instruction: Pick<PolynomialInstruction, 'level' | 'degree' | 'unitLeading'>,
  inputScale: number,
  primes: readonly number[],
): number {
  if (!instruction.unitLeading) return inputScale;
  const plan = planPolynomial(
    { ...instruction, coefficients: [Array<number>(instruction.degree).fill(0)] },
    1,
    {
      babies: 2,
      giants: [2],
    },
  );
  const algebra = new CountingAlgebra(2, primes);
  const input = { level: instruction.level, scale: inputScale, degree: 1 as const };
  return evaluatePolynomial(algebra, plan, instruction.level, input, 0).scale;
}

/** In units of one limb's key-switching work; only ratios matter, and only key switches and products weigh. */
function relativeCost(plan: PolynomialPlan, level: number): number {
  let cost = 0;
  const primes = Array<number>(level + 1).fill(2 ** 40);
  const algebra = new CountingAlgebra(1, primes, (operation, at) => {
    cost += weightOf(operation, at + 1);
  });
  evaluatePolynomial(algebra, plan, level, { level, scale: 2 ** 40, degree: 1 }, 0);
  return cost;
}

function weightOf(operation: PrimitiveOperation, limbs: number): number {
  switch (operation) {
    case 'rotate':
    case 'relinearize':
      return limbs * (limbs + 1);
    case 'multiply':
    case 'rescale':
      return 1.5 * limbs;
    case 'multiplyPlain':
      return 0.5 * limbs;
    case 'add':
    case 'addPlain':
    case 'encode':
      return 0.1 * limbs;
    case 'refresh':
      throw new InternalError('a polynomial does not refresh');
  }
}
