/** How a polynomial instruction passes on the error of its input, and what its own operations add. */
import type { Coefficient, PolynomialInstruction } from '../../program/program.ts';
import { toDense } from '../../program/slot-vector.ts';
import { chebyshevPowers } from '../approx/chebyshev.ts';

/** Points at which polynomials are averaged over their argument. */
const POINTS = 64;

export interface PolynomialNoise {
  /** Mean of p'(x)²: var(p(x)) = gain · var(x) for an error that the input brings along. */
  readonly gain: number;
  /** Variance that the evaluation adds, in units of the variance that one product with rescale adds. */
  readonly own: number;
  /** Products with encoded coefficient vectors: Σ mean of T_k², in units of the encoding's variance. */
  readonly encoded: number;
}

/** `reach`: arguments are taken as uniform in ±reach. */
export function polynomialNoise(
  instruction: PolynomialInstruction,
  reach: number,
  slotCount: number,
): PolynomialNoise {
  const { degree, unitLeading } = instruction;
  const basis = sampleBasis(degree, reach);
  const { rows, isVector } = coefficientRows(instruction, slotCount);
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
  gain /= POINTS * elements;

  const square = Array.from({ length: degree + 1 }, (_, k) =>
    average(basis, (point) => point.values[k]! ** 2),
  );
  const powers = powerNoise(degree, square);
  let own = unitLeading ? 1 + 4 * square[half]! * powers[half]! : 0;
  let encoded = 0;
  for (let k = 1; k < isVector.length; k++) {
    const meanSquare = rows.reduce((sum, { row, count }) => sum + count * row[k]! ** 2, 0) / elements;
    if (meanSquare === 0) continue;
    own += 1 + meanSquare * powers[k]!;
    if (isVector[k]!) encoded += square[k]!;
  }
  return { gain, own, encoded };
}

/**
 * Error variance of T_k from the products that made it, each adding 1: T_{a+b} = 2 T_a T_b − T_{a−b} with a = ⌈k/2⌉. The
 * argument's own error is not in here.
 */
function powerNoise(degree: number, square: readonly number[]): number[] {
  const noise = [0, 0];
  for (let k = 2; k <= degree; k++) {
    const a = Math.ceil(k / 2);
    const b = k - a;
    noise.push(
      a === b
        ? 16 * square[a]! * noise[a]! + 1
        : 4 * (square[b]! * noise[a]! + square[a]! * noise[b]!) + noise[a - b]! + 1,
    );
  }
  return noise;
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

function average(points: readonly BasisPoint[], of: (point: BasisPoint) => number): number {
  return points.reduce((sum, point) => sum + of(point), 0) / points.length;
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
