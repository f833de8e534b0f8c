/**
 * Whether everything in a program fits the moduli that it meets: every plaintext what plaintexts can hold, every value its level.
 * Found by interpreting the program on shapes, so that what is checked is what backends encode.
 */
import { fitsPlaintext, largestCoefficient, modulusBits } from '../../program/plaintext-capacity.ts';
import type {
  Coefficient,
  PolynomialInstruction,
  Program,
  ValueId,
  ValueInfo,
} from '../../program/program.ts';
import { operandsOf } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import { CountingAlgebra, shapesOf, type ShapePlaintext } from '../../program/semantics/counting-algebra.ts';
import { evaluateInstruction } from '../../program/semantics/evaluate-instruction.ts';
import { BOUND_MARGIN } from './bounds.ts';

/** Values are centred modulo the modulus, and a prime may be a little smaller than 2 to its bits. */
const SIGN_BITS = 1.5;

export interface Overflow {
  /** Value that the instruction computes. */
  readonly value: ValueId;
  readonly what: 'constants' | 'values';
  /** log2 of how far beyond the modulus it is; positive. */
  readonly excessBits: number;
}

/** Noise reaches so many standard deviations in some of 16,000 slots. */
const WORST_DEVIATIONS = 8;

/**
 * The worst overflow; null if everything fits. Programs in the clear know no modulus.
 * @param noise standard deviation of each value's error, in its slots: with the value it must fit, even where nothing that reads
 * the value minds, since a wrapped error is as large as the modulus
 */
export function findOverflow(
  program: Program,
  parameters: CkksParameters,
  noise: readonly number[],
): Overflow | null {
  if (parameters.scheme !== 'ckks') return null;
  const bits = parameters.dataPrimes.map((_, level) => modulusBits(parameters, level));
  let worst: Overflow | null = null;
  const report = (found: Overflow): void => {
    if (worst === null || found.excessBits > worst.excessBits) worst = found;
  };
  for (const { id, level, scale, bound } of program.values) {
    const largest = bound + WORST_DEVIATIONS * noise[id]!;
    const excessBits = Math.log2(largest) + Math.log2(scale) + SIGN_BITS - bits[level]!;
    if (!(excessBits <= 0)) report({ value: id, what: 'values', excessBits });
  }
  for (const instruction of program.instructions) {
    const algebra = new CapacityAlgebra(program.slotCount, parameters.dataPrimes.map(Number), bits);
    const operands = operandsOf(instruction).map((id) => shapesOf(program.values[id]!));
    evaluateInstruction(algebra, program, instruction, operands);
    const { excessBits } = algebra;
    if (instruction.kind === 'polynomial') {
      const beyond = powerExcess(instruction, program.values[instruction.input]!, bits);
      if (beyond > 0) report({ value: instruction.input, what: 'values', excessBits: beyond });
    }
    if (excessBits > 0) report({ value: instruction.output, what: 'constants', excessBits });
  }
  return worst;
}

/**
 * Beyond [−1, 1] the T_k that a polynomial is made of grow without bound, whatever its coefficients: log2 of how far they exceed their
 * levels. Taken without the bound's margin, where those of a fitted polynomial stay within 1.
 */
function powerExcess(
  { degree, level }: PolynomialInstruction,
  { bound, scale }: ValueInfo,
  bits: readonly number[],
): number {
  const angle = Math.acosh(Math.max(1, bound / BOUND_MARGIN));
  let excess = 0;
  for (let doublings = 1; 2 ** doublings <= (degree + 1) / 2; doublings++) {
    const size = (2 ** doublings * angle) / Math.LN2 - 1;
    excess = Math.max(excess, size + Math.log2(scale) + SIGN_BITS - bits[level - doublings]!);
  }
  return excess;
}

/** Looks at each plaintext instead of encoding it. */
class CapacityAlgebra extends CountingAlgebra {
  excessBits = 0;
  readonly #bits: readonly number[];

  constructor(slotCount: number, primes: readonly number[], bits: readonly number[]) {
    super(slotCount, primes);
    this.#bits = bits;
  }

  override encode(value: Coefficient, level: number, scale: number): ShapePlaintext | null {
    const coefficient = largestCoefficient(value, this.slotCount) * scale;
    if (!fitsPlaintext(coefficient, this.#bits[level]!)) {
      this.excessBits = Math.max(this.excessBits, Math.log2(coefficient) + 2 - this.#bits[level]!);
    }
    return super.encode(value, level, scale);
  }
}
