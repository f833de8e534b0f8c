/**
 * Best uniform approximation by the exchange algorithm of Remez, in extended precision.
 *
 * Two function spaces on [lower, upper]: all polynomials of a degree (one interval), and odd polynomials. An odd
 * polynomial that approximates f on [lower, upper] approximates the odd extension of f on the union
 * [-upper, -lower] ∪ [lower, upper] equally well, and odd polynomials are a Haar space on [lower, upper]: the
 * two-interval problem of sign approximation is solved on one side (Lee, Lee, No, Kim, eprint 2020/834, §3).
 */
import { createRequire } from 'node:module';
import type { BigNumber } from 'mathjs';
import { InternalError } from '../../errors.ts';

/** Decimal digits: far more than doubles hold, because minimax references can nearly coincide at small `lower`. */
const PRECISION = 50;
const GRID_POINTS_PER_GAP = 12;
const REFINEMENTS = 5;
const MAX_ITERATIONS = 60;

type ToBigNumber = (value: number | string) => BigNumber;

/** Loaded when asked for: mathjs takes longer to load than most compilations, which need none of it, take for everything else. */
function extendedPrecision(): ToBigNumber {
  const require = createRequire(import.meta.url);
  const { bignumberDependencies, create } = require('mathjs') as typeof import('mathjs');
  const math = create({ ...bignumberDependencies }, { number: 'BigNumber', precision: PRECISION });
  return (value) => math.bignumber(value);
}

export interface RemezProblem {
  readonly lower: number;
  readonly upper: number;
  readonly degree: number;
  /** Odd polynomials only; requires an odd degree and lower > 0. */
  readonly odd: boolean;
  /** The function approximated, of an extended-precision argument. */
  readonly target: (x: BigNumber) => BigNumber;
}

export interface MinimaxPolynomial {
  readonly center: number;
  readonly halfWidth: number;
  /** Chebyshev coefficients in (x − center) / halfWidth, degree + 1 of them. */
  readonly coefficients: Float64Array;
  /** Largest |polynomial − target| found on the interval. */
  readonly error: number;
}

/**
 * @throws InternalError if the exchange does not converge, which a continuous target does not cause
 */
export function remez(problem: RemezProblem): MinimaxPolynomial {
  const { degree, odd } = problem;
  if (odd && (degree % 2 === 0 || problem.lower <= 0))
    throw new RangeError('odd approximation needs an odd degree and lower > 0');
  const bignumber = extendedPrecision();
  const [zero, one] = [bignumber(0), bignumber(1)];
  const lower = bignumber(problem.lower);
  const upper = bignumber(problem.upper);
  const center = odd ? zero : lower.plus(upper).div(2);
  const halfWidth = odd ? upper : upper.minus(lower).div(2);
  const basis = odd ? oddBasis : fullBasis;
  const unknowns = odd ? (degree + 1) / 2 : degree + 1;
  const features = (x: BigNumber): BigNumber[] => basis(x.minus(center).div(halfWidth), unknowns);

  let reference = initialReference(lower, upper, unknowns + 1, bignumber);
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    const rows = reference.map((x, i) => [...features(x), i % 2 === 0 ? one : one.neg()]);
    const solution = solveLinear(rows, reference.map(problem.target));
    const coefficients = solution.slice(0, unknowns);
    const levelled = solution[unknowns]!.abs();
    const error = (x: BigNumber): BigNumber => dot(coefficients, features(x)).minus(problem.target(x));
    const extrema = alternatingExtrema(error, reference, lower, upper);
    const largest = extrema.reduce((max, x) => maxOf(max, error(x).abs()), zero);
    // Alternation theorem: the best error lies between the levelled and the largest one.
    if (largest.lte(levelled.times(1 + 1e-9)) || largest.lte(1e-30)) {
      const dense = new Float64Array(degree + 1);
      for (let j = 0; j < unknowns; j++) dense[odd ? 2 * j + 1 : j] = coefficients[j]!.toNumber();
      return {
        center: center.toNumber(),
        halfWidth: halfWidth.toNumber(),
        coefficients: dense,
        error: largest.toNumber(),
      };
    }
    reference = extrema;
  }
  throw new InternalError(
    `Remez exchange did not converge in ${MAX_ITERATIONS} iterations (degree ${degree})`,
  );
}

/** The constant 1, for sign approximation on one side. */
export const one = (x: BigNumber): BigNumber => x.pow(0);

function fullBasis(t: BigNumber, count: number): BigNumber[] {
  const values = [t.pow(0), t];
  const twice = t.times(2);
  for (let k = 2; k < count; k++) values.push(twice.times(values[k - 1]!).minus(values[k - 2]!));
  return values.slice(0, count);
}

/** T_1, T_3, T_5, … by T_{k+2} = 2 T_2 T_k − T_{|k−2|}. */
function oddBasis(t: BigNumber, count: number): BigNumber[] {
  const step = t.times(t).times(4).minus(2);
  const values = [t];
  for (let j = 1; j < count; j++) values.push(step.times(values[j - 1]!).minus(j === 1 ? t : values[j - 2]!));
  return values;
}

function initialReference(
  lower: BigNumber,
  upper: BigNumber,
  count: number,
  bignumber: ToBigNumber,
): BigNumber[] {
  const middle = lower.plus(upper).div(2);
  const radius = upper.minus(lower).div(2);
  return Array.from({ length: count }, (_, i) =>
    middle.minus(radius.times(bignumber(Math.cos((Math.PI * i) / (count - 1)).toString()))),
  );
}

/** One point per run of equal sign of the error, the one where it is largest; as many as the reference has. */
function alternatingExtrema(
  error: (x: BigNumber) => BigNumber,
  reference: readonly BigNumber[],
  lower: BigNumber,
  upper: BigNumber,
): BigNumber[] {
  const knots = [lower, ...reference.filter((x) => x.gt(lower) && x.lt(upper)), upper];
  const grid: BigNumber[] = [lower];
  for (let i = 0; i + 1 < knots.length; i++) {
    const width = knots[i + 1]!.minus(knots[i]!);
    for (let j = 1; j <= GRID_POINTS_PER_GAP; j++)
      grid.push(knots[i]!.plus(width.times(j).div(GRID_POINTS_PER_GAP)));
  }
  const values = grid.map(error);
  const peaks: { x: BigNumber; magnitude: BigNumber }[] = [];
  let start = 0;
  for (let i = 1; i <= grid.length; i++) {
    if (i < grid.length && values[i]!.isNegative() === values[start]!.isNegative()) continue;
    let best = start;
    for (let k = start; k < i; k++) if (values[k]!.abs().gt(values[best]!.abs())) best = k;
    peaks.push(
      refine(error, grid[Math.max(best - 1, 0)]!, grid[best]!, grid[Math.min(best + 1, grid.length - 1)]!),
    );
    start = i;
  }
  // Too many alternations: drop from the end whose error is smaller, which keeps them alternating.
  while (peaks.length > reference.length) {
    if (peaks[0]!.magnitude.lt(peaks[peaks.length - 1]!.magnitude)) peaks.shift();
    else peaks.pop();
  }
  if (peaks.length < reference.length) throw new InternalError('Remez exchange lost an alternation point');
  return peaks.map((peak) => peak.x);
}

/** Moves a grid maximum of |error| to the true one by successive parabolic interpolation within its neighbours. */
function refine(
  error: (x: BigNumber) => BigNumber,
  left: BigNumber,
  middle: BigNumber,
  right: BigNumber,
): { x: BigNumber; magnitude: BigNumber } {
  let [a, x, b] = [left, middle, right];
  let [fa, fx, fb] = [error(a).abs(), error(x).abs(), error(b).abs()];
  for (let i = 0; i < REFINEMENTS && a.lt(x) && x.lt(b); i++) {
    const p = x
      .minus(a)
      .times(x.minus(a))
      .times(fx.minus(fb))
      .minus(x.minus(b).times(x.minus(b)).times(fx.minus(fa)));
    const q = x
      .minus(a)
      .times(fx.minus(fb))
      .minus(x.minus(b).times(fx.minus(fa)))
      .times(2);
    if (q.isZero()) break;
    const next = x.minus(p.div(q));
    if (next.lte(a) || next.gte(b) || next.eq(x)) break;
    const value = error(next).abs();
    const [inner, innerValue, outer, outerValue] = value.gt(fx) ? [next, value, x, fx] : [x, fx, next, value];
    if (outer.lt(inner)) [a, fa] = [outer, outerValue];
    else [b, fb] = [outer, outerValue];
    [x, fx] = [inner, innerValue];
  }
  return { x, magnitude: fx };
}

/** Gaussian elimination with partial pivoting. */
function solveLinear(rows: BigNumber[][], rightHandSide: readonly BigNumber[]): BigNumber[] {
  const size = rows.length;
  const augmented = rows.map((row, i) => [...row, rightHandSide[i]!]);
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let r = column + 1; r < size; r++) {
      if (augmented[r]![column]!.abs().gt(augmented[pivot]![column]!.abs())) pivot = r;
    }
    [augmented[column], augmented[pivot]] = [augmented[pivot]!, augmented[column]!];
    const row = augmented[column]!;
    for (let r = column + 1; r < size; r++) {
      const factor = augmented[r]![column]!.div(row[column]!);
      if (factor.isZero()) continue;
      for (let k = column; k <= size; k++) augmented[r]![k] = augmented[r]![k]!.minus(factor.times(row[k]!));
    }
  }
  const solution = new Array<BigNumber>(size);
  for (let r = size - 1; r >= 0; r--) {
    let rest = augmented[r]![size]!;
    for (let k = r + 1; k < size; k++) rest = rest.minus(augmented[r]![k]!.times(solution[k]!));
    solution[r] = rest.div(augmented[r]![r]!);
  }
  return solution;
}

function dot(a: readonly BigNumber[], b: readonly BigNumber[]): BigNumber {
  return a.reduce((sum, value, i) => sum.plus(value.times(b[i]!)), a[0]!.times(0));
}

function maxOf(a: BigNumber, b: BigNumber): BigNumber {
  return a.gt(b) ? a : b;
}
