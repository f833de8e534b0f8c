/** How a polynomial instruction passes on the error of its input, and what its own operations add. */
import type { Coefficient, PolynomialInstruction } from '../../program/program.ts';
import { toDense } from '../../program/slot-vector.ts';
import { CleartextAlgebra } from '../../program/semantics/cleartext-algebra.ts';
import { choosePolynomialPlan } from '../../program/semantics/choose-polynomial-plan.ts';
import { evaluatePolynomial } from '../../program/semantics/evaluate-polynomial.ts';
import { chebyshevPowers } from '../approx/chebyshev.ts';
import { Random } from '../random.ts';
import { DisturbedAlgebra } from './disturbed-algebra.ts';
import type { NoiseSources } from './noise-sources.ts';

/** Points at which polynomials are averaged over their argument. */
const POINTS = 64;

/** Arguments tried, where the polynomial is the same in all slots. */
const ARGUMENTS = 2048;

/** Zeros tried, each with errors of other signs. */
const ZEROS = 256;

/** Deviations that some operation reaches in some of 16,000 slots, where the secret's value is large too. */
const WORST = 8;

/**
 * Mean of p'(x)²: var(p(x)) = gain · var(x) for an error that the input brings along.
 * @param reach arguments are taken as uniform in ±reach
 */
export function polynomialGain(instruction: PolynomialInstruction, reach: number, slotCount: number): number {
  const { degree, unitLeading } = instruction;
  const basis = sampleBasis(degree, reach);
  const moments = coefficientMoments(instruction, slotCount);
  const half = degree / 2;

  // p' = Σ c_k T_k' (+ 2 T_{d/2} T_{d/2}'); the mean of its square over slots and arguments is a quadratic form.
  let gain = 0;
  for (let point = 0; point < POINTS; point++) {
    const { values, slopes } = basis[point]!;
    const top = unitLeading ? 2 * values[half]! * slopes[half]! : 0;
    gain += top * top;
    for (let j = 1; j < moments.mean.length; j++) {
      gain += 2 * top * moments.mean[j]! * slopes[j]!;
      for (let k = 1; k < moments.mean.length; k++) gain += moments.product[j]![k]! * slopes[j]! * slopes[k]!;
    }
  }
  return gain / POINTS;
}

export interface Ring {
  readonly slotCount: number;
  /** q_0 … q_L as float64. */
  readonly primes: readonly number[];
  readonly sources: NoiseSources;
}

/**
 * Error variance that the evaluation adds by itself, for an input at `scale`: by experiment, over arguments in ±reach. Where
 * the polynomial is too steep for the errors, the square of the largest one instead.
 */
export function evaluationNoise(
  instruction: PolynomialInstruction,
  reach: number,
  scale: number,
  ring: Ring,
): number {
  const random = new Random(1);
  const slotCount = instruction.coefficients.every(isUniform) ? ARGUMENTS : ring.slotCount;
  const x = Float64Array.from({ length: slotCount }, () => reach * (2 * random.next() - 1));
  const errors = errorsAt(x, instruction, scale, ring, () => random.gaussian());
  const variance = errors.reduce((sum, error) => sum + error * error, 0) / Math.max(errors.length, 1);
  return Math.max(variance, divergence(instruction, scale, ring) ** 2);
}

/**
 * The largest error at zero if evaluation has left what a linear analysis holds for, 0 otherwise. T_2k = 2·T_k² − 1 leaves
 * [−1, 1] where an error pushes T_k = ±1 outwards, and what is outside grows like cosh(d·√(2ε)): an error of 2^-13 in T_2 becomes
 * one of hundreds in T_1024. At zero, which slots hold that hold no element, each T_2k is ±1.
 */
function divergence(instruction: PolynomialInstruction, scale: number, ring: Ring): number {
  const coefficients = instruction.coefficients.map((list) => list.map(largest));
  const largestError = (deviations: number): number => {
    const random = new Random(2);
    const draw = (): number => (random.next() < 0.5 ? -deviations : deviations);
    const zeros = new Float64Array(ZEROS);
    const errors = errorsAt(zeros, { ...instruction, coefficients }, scale, ring, draw);
    return errors.reduce((most, error) => Math.max(most, Math.abs(error)), 0);
  };
  const [error, small] = [largestError(WORST), largestError(WORST / 1024)];
  return error < 2 * 1024 * small ? 0 : error;
}

/** Of the first ciphertext's polynomial, in the slots that it has coefficients for. */
function errorsAt(
  x: Float64Array,
  instruction: PolynomialInstruction,
  scale: number,
  { primes, sources }: Ring,
  draw: (slot: number) => number,
): Float64Array {
  const { level } = instruction;
  const coefficients =
    instruction.coefficients.find((list) => !isUniform(list)) ?? instruction.coefficients[0]!;
  const plan = choosePolynomialPlan({ ...instruction, coefficients: [coefficients] }, x.length);
  const evaluate = (algebra: CleartextAlgebra): Float64Array =>
    evaluatePolynomial(algebra, plan, level, { level, scale, degree: 1, slots: x.slice() }, 0).slots;
  const exact = evaluate(new CleartextAlgebra(x.length, primes));
  const disturbed = evaluate(new DisturbedAlgebra(x.length, primes, sources, draw));
  return disturbed.map((value, i) => value - exact[i]!).filter(slotsInUse(coefficients, x.length));
}

function isUniform(coefficients: readonly Coefficient[]): boolean {
  return coefficients.every((coefficient) => typeof coefficient === 'number');
}

function largest(coefficient: Coefficient): number {
  if (typeof coefficient === 'number') return coefficient;
  return coefficient.values.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
}

/** With coefficients per slot, a slot without any belongs to no element. */
function slotsInUse(
  coefficients: readonly Coefficient[],
  slotCount: number,
): (value: number, slot: number) => boolean {
  const vectors = coefficients
    .filter((c) => typeof c !== 'number')
    .map((c) => denseCoefficient(c, slotCount));
  return (_, slot) => vectors.length === 0 || vectors.some((vector) => vector[slot] !== 0);
}

interface BasisPoint {
  /** T_0 … T_degree and their derivatives. */
  readonly values: Float64Array;
  readonly slopes: Float64Array;
}

function sampleBasis(degree: number, reach: number): BasisPoint[] {
  return Array.from({ length: POINTS }, (_, i) => {
    const x = reach * ((2 * i + 1) / POINTS - 1);
    const values = chebyshevPowers(x, degree, new Float64Array(degree + 1));
    const slopes = new Float64Array(degree + 1);
    if (degree > 0) slopes[1] = 1;
    for (let k = 2; k <= degree; k++)
      slopes[k] = 2 * values[k - 1]! + 2 * x * slopes[k - 1]! - slopes[k - 2]!;
    return { values, slopes };
  });
}

interface Moments {
  /** Over the slots that hold anything: means of c_k and of c_j c_k. */
  readonly mean: readonly number[];
  readonly product: readonly (readonly number[])[];
}

function coefficientMoments(instruction: PolynomialInstruction, slotCount: number): Moments {
  const count = instruction.coefficients[0]?.length ?? 0;
  const mean = new Array<number>(count).fill(0);
  const product = mean.map(() => new Array<number>(count).fill(0));
  let slots = 0;
  for (const ofCiphertext of instruction.coefficients) {
    // Numbers alone are the same everywhere: one slot stands for all.
    const width = ofCiphertext.every((c) => typeof c === 'number') ? 1 : slotCount;
    const dense = ofCiphertext.map((c) => denseCoefficient(c, width));
    const vectors = dense.filter((_, k) => typeof ofCiphertext[k] !== 'number');
    for (let slot = 0; slot < width; slot++) {
      // With per-slot coefficients, a slot without any belongs to no element.
      if (vectors.length > 0 && vectors.every((vector) => vector[slot] === 0)) continue;
      slots++;
      for (let j = 0; j < count; j++) {
        const c = dense[j]![slot]!;
        if (c === 0) continue;
        mean[j] = mean[j]! + c;
        for (let k = 0; k < count; k++) product[j]![k] = product[j]![k]! + c * dense[k]![slot]!;
      }
    }
  }
  const scale = 1 / Math.max(slots, 1);
  return {
    mean: mean.map((value) => value * scale),
    product: product.map((row) => row.map((value) => value * scale)),
  };
}

function denseCoefficient(coefficient: Coefficient, slotCount: number): Float64Array {
  const dense = new Float64Array(slotCount);
  return typeof coefficient === 'number' ? dense.fill(coefficient) : toDense(coefficient, dense);
}
