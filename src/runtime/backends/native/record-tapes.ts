/** Polynomials and products as tapes, by the kernels that all backends share. */
import { InternalError } from '../../../errors.ts';
import type { PolynomialInstruction, ProductInstruction } from '../../../program/program.ts';
import { choosePolynomialPlan } from '../../../program/semantics/choose-polynomial-plan.ts';
import { evaluatePolynomial } from '../../../program/semantics/evaluate-polynomial.ts';
import { evaluateProduct } from '../../../program/semantics/evaluate-product.ts';
import type { FlatTape, RecordedCiphertext } from './tape-recorder.ts';
import { TapeRecorder } from './tape-recorder.ts';

interface Shape {
  readonly level: number;
  readonly scale: number;
}

/**
 * Ciphertext `index` of a polynomial instruction: one input, one output.
 * @param primes q_0 … q_L as float64
 */
export function recordPolynomial(
  instruction: PolynomialInstruction,
  input: Shape,
  index: number,
  outputScale: number,
  slotCount: number,
  primes: readonly number[],
): FlatTape {
  const recorder = new TapeRecorder(slotCount, primes, 1);
  const plan = choosePolynomialPlan(instruction, slotCount);
  const x = recorder.input(0, input.level, input.scale);
  const y = evaluatePolynomial(recorder, plan, instruction.level, x, index);
  requireScale(y, outputScale, instruction.layer);
  return recorder.finish([y]);
}

/** @param inputs one factor, to be squared, or two */
export function recordProduct(
  instruction: ProductInstruction,
  inputs: readonly Shape[],
  outputScale: number,
  slotCount: number,
  primes: readonly number[],
): FlatTape {
  const recorder = new TapeRecorder(slotCount, primes, inputs.length);
  const factors = inputs.map(({ level, scale }, register) => recorder.input(register, level, scale));
  const y = evaluateProduct(recorder, instruction, factors[0]!, factors.at(-1)!);
  requireScale(y, outputScale, instruction.layer);
  return recorder.finish([y]);
}

/** The compiler computed the same scale with the same arithmetic: it must agree to the last bit. */
function requireScale({ scale }: RecordedCiphertext, planned: number, layer: string): void {
  if (scale !== planned)
    throw new InternalError(`${layer} has scale ${scale} but the program says ${planned}`);
}
