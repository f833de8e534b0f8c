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
  const { rows } = coefficientRows(instruction, slotCount);
  const elements = rows.reduce((sum, { count }) => sum + count, 0) || 1;
  const half = degree / 2;

  // p' = Σ c_k T_k' (+ 2 T_{d/2} T_{d/2}'), its square averaged over elements and arguments.
  let gain = 0;
  for (const { values, slopes } of basis) {
    const top = unitLeading ? 2 * values[half]! * slopes[half]! : 0;
    for (const { row, count } of rows) {
      let slope = top;
      for (let k = 1; k < row.length; k++) slope += row[k]! * slopes[k]!;
      gain += count * slope * slope;
    }
  }
  return gain / (POINTS * elements);
}

/** What a polynomial is evaluated in: the primes q_0 … q_L as float64, and what operations add. */
export interface Ring {
  readonly slotCount: number;
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
  const x = Float64Array.from({ length: ARGUMENTS }, () => reach * (2 * random.next() - 1));
  const errors = errorsAt(x, instruction, scale, ring, () => random.gaussian());
  const variance = errors.reduce((sum, error) => sum + error * error, 0) / ARGUMENTS;
  return Math.max(variance, divergence(instruction, scale, ring) ** 2);
}

/**
 * The largest error at zero if evaluation has left what a linear analysis holds for, 0 otherwise. T_2k = 2·T_k² − 1 leaves
 * [−1, 1] where an error pushes T_k = ±1 outwards, and what is outside grows like cosh(d·√(2ε)): an error of 2^-13 in T_2 becomes
 * one of hundreds in T_1024. At zero, which slots hold that hold no element, each T_2k is ±1.
 */
function divergence(instruction: PolynomialInstruction, scale: number, ring: Ring): number {
  const largestError = (deviations: number): number => {
    const random = new Random(2);
    const draw = (): number => (random.next() < 0.5 ? -deviations : deviations);
    const errors = errorsAt(new Float64Array(ZEROS), instruction, scale, ring, draw);
    return errors.reduce((most, error) => Math.max(most, Math.abs(error)), 0);
  };
  const [error, small] = [largestError(WORST), largestError(WORST / 1024)];
  return error < 2 * 1024 * small ? 0 : error;
}

/** `draw` yields errors in standard deviations. */
function errorsAt(
  x: Float64Array,
  instruction: PolynomialInstruction,
  scale: number,
  { slotCount, primes, sources }: Ring,
  draw: () => number,
): Float64Array {
  const { level } = instruction;
  const coefficients = [sampleCoefficients(instruction, slotCount, x.length)];
  const plan = choosePolynomialPlan({ ...instruction, coefficients }, x.length);
  const evaluate = (algebra: CleartextAlgebra): Float64Array =>
    evaluatePolynomial(algebra, plan, level, { level, scale, degree: 1, slots: x.slice() }, 0).slots;
  const exact = evaluate(new CleartextAlgebra(x.length, primes));
  const disturbed = evaluate(new DisturbedAlgebra(x.length, primes, sources, draw));
  return disturbed.map((value, i) => value - exact[i]!);
}

/** Coefficients for `count` slots, in the shares in which the elements have them. */
function sampleCoefficients(
  instruction: PolynomialInstruction,
  slotCount: number,
  count: number,
): Coefficient[] {
  const { rows, isVector } = coefficientRows(instruction, slotCount);
  const elements = rows.reduce((sum, row) => sum + row.count, 0);
  const values = isVector.map(() => new Float64Array(count));
  let [next, before] = [0, 0];
  for (let slot = 0; slot < count; slot++) {
    const element = (elements * (slot + 0.5)) / count;
    while (element >= before + (rows[next]?.count ?? Infinity)) before += rows[next++]!.count;
    rows[next]?.row.forEach((c, k) => (values[k]![slot] = c));
  }
  return values.map((own, k) => (isVector[k]! ? { indices: null, values: own } : own[0]!));
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

interface CoefficientRow {
  /** c_0 … of some elements. */
  readonly row: Float64Array;
  /** How many elements have them. */
  readonly count: number;
}

/** The different polynomials of the slots that hold anything; most tensors have one, or one per channel. */
function coefficientRows(
  instruction: PolynomialInstruction,
  slotCount: number,
): { readonly rows: readonly CoefficientRow[]; readonly isVector: readonly boolean[] } {
  const terms = instruction.coefficients[0]?.length ?? 0;
  const isVector = Array.from({ length: terms }, (_, k) =>
    instruction.coefficients.some((own) => typeof own[k] !== 'number'),
  );
  return { rows: instruction.coefficients.flatMap((own) => rowsOf(own, slotCount)), isVector };
}

function rowsOf(coefficients: readonly Coefficient[], slotCount: number): CoefficientRow[] {
  // Numbers alone are the same everywhere: one slot stands for all.
  if (coefficients.every((c) => typeof c === 'number'))
    return [{ row: Float64Array.from(coefficients), count: 1 }];
  // Slots with the same coefficients have the same sum Σ w_k c_k; others, for weights without a pattern, never do.
  const sums = new Float64Array(slotCount);
  for (const [k, coefficient] of coefficients.entries()) {
    if (typeof coefficient === 'number') continue;
    const weight = Math.sin((k + 1) ** 2);
    for (const [slot, c] of toDense(coefficient, new Float64Array(slotCount)).entries())
      sums[slot] = sums[slot]! + weight * c;
  }
  const counts = new Map<number, { slot: number; count: number }>();
  for (const [slot, sum] of sums.entries()) {
    // With per-slot coefficients, a slot without any belongs to no element.
    if (sum === 0) continue;
    const known = counts.get(sum);
    if (known === undefined) counts.set(sum, { slot, count: 1 });
    else known.count++;
  }
  const rows = Array.from(counts.values(), ({ slot, count }) => ({
    slot,
    count,
    row: new Float64Array(coefficients.length),
  }));
  for (const [k, coefficient] of coefficients.entries()) {
    const dense = typeof coefficient === 'number' ? null : toDense(coefficient, new Float64Array(slotCount));
    for (const { slot, row } of rows) row[k] = dense === null ? (coefficient as number) : dense[slot]!;
  }
  return rows;
}
