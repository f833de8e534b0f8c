/**
 * Approximations that keep a number of bits over the whole calibrated range, whatever the distribution of values: the
 * minimax polynomial of least depth that is good enough.
 */
import { CompileError } from '../../../errors.ts';
import { evaluateChebyshev } from '../../approx/chebyshev.ts';
import { ChebyshevMoments, solveNormalEquations } from '../../approx/least-squares.ts';
import { minimax } from '../../approx/minimax.ts';
import type { PolynomialAttributes, TensorNode } from '../../ir/tensor-graph.ts';
import { findPole, type ValueRange } from './poles.ts';

/** Depth is what counts: the largest degrees of 1 … 11 levels. Quadratics save a level by their leading coefficient. */
const DEGREES = [1, 2, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 2047] as const;
/** Inputs may leave the calibrated range by this share of its half-width. */
const MARGIN = 0.05;
/** How far beyond the tolerance the largest degree may be foreseen to stay before the search is given up. */
const HOPELESS = 2;
/** Smallest leading coefficient of a quadratic that may be divided by, relative to the largest coefficient. */
const SMALLEST_LEADING = 0.01;

export interface PreciseFit {
  readonly polynomial: PolynomialAttributes;
  readonly error: number;
}

/** The range with its margin; values of one sign keep it, so that 1/x, log x and √x stay away from their singularity. */
export function widened({ min, max }: ValueRange): ValueRange {
  const margin = max > min ? (MARGIN * (max - min)) / 2 : Math.max(Math.abs(max) * MARGIN, 1e-3);
  return {
    min: min > 0 ? Math.max(min - margin, 0.95 * min) : min - margin,
    max: max < 0 ? Math.min(max + margin, 0.95 * max) : max + margin,
  };
}

/** Largest |f| over a range, on a grid. */
export function magnitude(f: (x: number) => number, { min, max }: ValueRange): number {
  let largest = 0;
  for (let i = 0; i <= 1000; i++) {
    const value = Math.abs(f(min + ((max - min) * i) / 1000));
    // Written so that NaN counts as infinite.
    if (!(value <= largest)) largest = Number.isNaN(value) ? Infinity : value;
  }
  return largest;
}

/**
 * The polynomial of least depth whose error over the range is at most `tolerance`, or the best there is.
 * @param axis of the polynomial node
 */
export function fitWithin(
  f: (x: number) => number,
  { min, max }: ValueRange,
  tolerance: number,
  axis: number,
): PreciseFit {
  const center = (min + max) / 2;
  const halfWidth = (max - min) / 2;
  const normalised = (t: number): number => f(center + halfWidth * t);
  let best: PreciseFit | null = null;
  for (const degree of DEGREES) {
    const { coefficients, error } = minimax(normalised, degree);
    if (degree === 2 && !hasLeading(coefficients)) continue;
    if (!Number.isFinite(error)) continue;
    if (best !== null && error >= best.error) continue;
    const polynomial = {
      axis,
      degree,
      center: [center],
      halfWidth: [halfWidth],
      coefficients: Array.from(coefficients),
    };
    best = { polynomial, error };
    if (error <= tolerance) break;
    // At a kink the error falls as 1/degree, at a jump or a pole more slowly: higher degrees would take long for nothing.
    if (degree >= 63 && (error * degree) / DEGREES.at(-1)! > HOPELESS * tolerance) break;
  }
  return best ?? unbounded(center, halfWidth, axis);
}

/** Beyond it the normal equations of data with gaps lose precision. */
const SEEN_DEGREES = [3, 7, 15, 31] as const;

/**
 * Least squares over the values seen, for functions that no polynomial follows over their whole range, such as 1/x on both
 * sides of 0. Null if even the values seen are not met.
 */
export function fitWhereSeen(
  values: Float32Array,
  f: (x: number) => number,
  seen: ValueRange,
  bits: number,
  axis: number,
): PolynomialAttributes | null {
  const range = widened(seen);
  const center = (range.min + range.max) / 2;
  const halfWidth = (range.max - range.min) / 2;
  const targets = Float64Array.from(values, f);
  const largest = targets.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  if (!targets.every(Number.isFinite)) return null;
  for (const degree of SEEN_DEGREES) {
    const moments = new ChebyshevMoments(degree);
    values.forEach((x, i) => moments.add((x - center) / halfWidth, targets[i]!));
    const coefficients = solveNormalEquations(moments.equations());
    let error = 0;
    values.forEach((x, i) => {
      const value = evaluateChebyshev(coefficients, (x - center) / halfWidth);
      error = Math.max(error, Math.abs(value - targets[i]!));
    });
    if (error > largest * 2 ** -bits) continue;
    return {
      axis,
      degree,
      center: [center],
      halfWidth: [halfWidth],
      coefficients: Array.from(coefficients),
    };
  }
  return null;
}

/** What stands for a fit where the function has no finite values. */
function unbounded(center: number, halfWidth: number, axis: number): PreciseFit {
  const polynomial = { axis, degree: 1, center: [center], halfWidth: [halfWidth], coefficients: [0, 0] };
  return { polynomial, error: Infinity };
}

function hasLeading(coefficients: Float64Array): boolean {
  const largest = coefficients.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return Math.abs(coefficients.at(-1)!) >= SMALLEST_LEADING * largest;
}

/**
 * @throws CompileError RANGE_SINGULAR if the function has no finite values somewhere in the range; ACTIVATION_TOO_STEEP if no
 *   polynomial that we can evaluate is good enough, with the depth that one would need
 */
export function fitPrecisely(
  node: TensorNode,
  f: (x: number) => number,
  seen: ValueRange,
  bits: number,
  axis: number,
): PreciseFit {
  // Functions like arc sine end where their inputs do.
  const range = Number.isFinite(magnitude(f, widened(seen))) ? widened(seen) : seen;
  // A pole at an end of the range is met by the grid over it, but perhaps not by that over the widened one.
  for (const each of [seen, range])
    if (!Number.isFinite(magnitude(f, each))) throw singular(node, seen, findPole(f, each));
  // Relative to what occurs, which is less than what the widened range would allow.
  const tolerance = magnitude(f, seen) * 2 ** -bits;
  const fit = fitWithin(f, range, tolerance, axis);
  if (fit.error > tolerance) {
    const pole = findPole(f, range);
    if (pole !== null) throw singular(node, seen, pole);
    throw tooSteep(node, seen, bits, fit.polynomial.degree, fit.error / tolerance);
  }
  return fit;
}

function singular(node: TensorNode, seen: ValueRange, pole: number | null): CompileError {
  const where = pole === null ? 'somewhere' : `near ${Number(pole.toPrecision(3))}`;
  return new CompileError(
    'RANGE_SINGULAR',
    `${node.op} '${node.name}' has no finite value ${where} in its calibrated range ` +
      `[${seen.min.toPrecision(3)}, ${seen.max.toPrecision(3)}]: no polynomial follows it there`,
    {
      node: node.name,
      hint: 'keep its input away from the singularity: add a constant, or calibrate on inputs that stay on one side of it',
    },
  );
}

export function tooSteep(
  node: TensorNode,
  seen: ValueRange,
  bits: number,
  degree: number,
  excess: number,
): CompileError {
  const levels = Math.ceil(Math.log2(degree * excess));
  return new CompileError(
    'ACTIVATION_TOO_STEEP',
    `${node.op} '${node.name}' keeps ${(bits - Math.log2(excess)).toFixed(1)} of ${bits} bits over its calibrated range ` +
      `[${seen.min.toPrecision(3)}, ${seen.max.toPrecision(3)}] with degree ${degree}; at least ${levels} levels would be needed, more if it jumps`,
    {
      node: node.name,
      hint: 'ask for fewer bits, narrow the range by a Clip or by normalisation, or use relu-composite where the function is piecewise linear',
    },
  );
}
