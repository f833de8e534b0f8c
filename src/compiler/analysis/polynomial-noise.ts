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
  gain /= POINTS;

  const square = Array.from({ length: degree + 1 }, (_, k) =>
    average(basis, (point) => point.values[k]! ** 2),
  );
  const powers = powerNoise(degree, square);
  let own = unitLeading ? 1 + 4 * square[half]! * powers[half]! : 0;
  let encoded = 0;
  for (let k = 1; k < moments.mean.length; k++) {
    const meanSquare = moments.product[k]![k]!;
    if (meanSquare === 0) continue;
    own += 1 + meanSquare * powers[k]!;
    if (moments.isVector[k]) encoded += square[k]!;
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

interface Moments {
  /** Over the slots that hold anything: means of c_k and of c_j c_k. */
  readonly mean: readonly number[];
  readonly product: readonly (readonly number[])[];
  readonly isVector: readonly boolean[];
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
    isVector: mean.map((_, k) => instruction.coefficients.some((own) => typeof own[k] !== 'number')),
  };
}

function denseCoefficient(coefficient: Coefficient, slotCount: number): Float64Array {
  const dense = new Float64Array(slotCount);
  return typeof coefficient === 'number' ? dense.fill(coefficient) : toDense(coefficient, dense);
}
