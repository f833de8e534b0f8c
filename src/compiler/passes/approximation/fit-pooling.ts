/**
 * max-pooling as an outer polynomial of an average of inner ones: q(mean p(x)). An average of polynomials alone is additive in
 * the window's values and cannot tell one large value from several middling ones, whatever its degree; with an outer polynomial it
 * can, as the root in a power mean does. Levels are those of one polynomial of as many degrees as both have together.
 */
import { chebyshevPowers, evaluateChebyshev, largestMagnitude } from '../../approx/chebyshev.ts';
import { polynomialArgument } from '../../approx/sine-argument.ts';
import { solveSymmetric } from '../../approx/cholesky.ts';
import { LEADING_FLOOR } from '../../approx/least-squares.ts';
import type { PolynomialAttributes } from '../../ir/tensor-graph.ts';
import { Random } from '../../random.ts';
import { channelLayout, evaluatePolynomial } from '../../reference/polynomial-node.ts';
import type { FitData, FitSettings, PoolingWindows } from './fit-polynomial.ts';
import { fitPolynomials } from './fit-polynomial.ts';

export const INNER_DEGREE = 4;
/** Windows per channel that enter the fit of the inner polynomial. */
const WINDOWS_PER_CHANNEL = 8000;
const UNIFORM_POINTS = 101;
const ROUNDS = 6;
/** Step halvings before a round is given up. */
const HALVINGS = 5;
/** Share of the mean curvature that damps the Gauss-Newton steps. */
const DAMPING = 1e-4;

export interface PoolingData extends FitData {
  readonly windows: PoolingWindows;
}

/** The degree of the outer polynomial where `degree` is to be spent on both; null where one alone makes better use of it. */
export function outerDegree(degree: number): number | null {
  const outer = Math.floor(degree / INNER_DEGREE);
  return outer >= 2 ? outer : null;
}

/** @returns the inner polynomial, scaled so that its averages come close to the targets, and the outer one, of what follows */
export function fitPooling(
  data: PoolingData,
  degree: number,
  settings: FitSettings & { readonly outerMargin: number },
): { readonly inner: PolynomialAttributes; readonly outer: PolynomialAttributes } {
  // What is refreshed is the argument of the inner polynomial.
  const { ratio: _, outerMargin, ...afterwards } = settings;
  const start = fitPolynomials(data, { ...settings, degree: INNER_DEGREE });
  const shape = data.shape.length > 1 ? data.shape : [1, 1, ...data.shape];
  const { channels } = channelLayout(shape, 1);
  const size = INNER_DEGREE + 1;
  const random = new Random(settings.seed);
  const coefficients = start.center.flatMap((_, channel) => {
    const rows = readRows(data, start, channel, channels, settings, random);
    const first = Float64Array.from(start.coefficients.slice(channel * size, (channel + 1) * size));
    return [...fitInner(rows, first, initialShapes(data, start, channel), degree)];
  });
  const inner = { ...start, coefficients };
  const pooled = average(evaluatePolynomial(inner, data.shape, data.values), data);
  const perSample = data.windows.rowStart.length - 1;
  const outer = fitPolynomials(
    {
      shape: start.axis === 1 ? [1, channels, perSample / channels] : [perSample],
      values: pooled,
      targets: data.targets,
      windows: null,
      // Where no value was seen, nothing is to be corrected.
      scalar: (x) => x,
    },
    { ...afterwards, degree, margin: outerMargin },
  );
  return { inner, outer };
}

/** Windows of one channel as rows of averaged Chebyshev powers, weighted. */
interface Rows {
  readonly count: number;
  readonly features: Float64Array;
  readonly targets: Float64Array;
  readonly weights: Float64Array;
}

function readRows(
  { values, targets, shape, windows, scalar }: PoolingData,
  { center, halfWidth, ratio }: PolynomialAttributes,
  channel: number,
  channels: number,
  { uniformWeight }: FitSettings,
  random: Random,
): Rows {
  const elements = shape.reduce((product, extent) => product * extent, 1);
  const windowCount = windows.rowStart.length - 1;
  const perChannel = windowCount / channels;
  const chosen = random.sample((values.length / elements) * perChannel, WINDOWS_PER_CHANNEL);
  const size = INNER_DEGREE + 1;
  const count = chosen.length + UNIFORM_POINTS;
  const rows = {
    count,
    features: new Float64Array(count * size),
    targets: new Float64Array(count),
    weights: new Float64Array(count).fill(1),
  };
  const powers = new Float64Array(size);
  const argument = polynomialArgument(ratio);
  for (const [row, index] of chosen.entries()) {
    const sample = Math.floor(index / perChannel);
    const window = channel * perChannel + (index - sample * perChannel);
    const begin = windows.rowStart[window]!;
    const end = windows.rowStart[window + 1]!;
    for (let k = begin; k < end; k++) {
      const value = values[sample * elements + windows.columns[k]!]!;
      chebyshevPowers(argument((value - center[channel]!) / halfWidth[channel]!), INNER_DEGREE, powers);
      for (let j = 0; j < size; j++) rows.features[row * size + j]! += powers[j]! / (end - begin);
    }
    rows.targets[row] = targets[sample * windowCount + window]!;
  }
  // Windows of one value all over the range keep the polynomials tame there.
  for (let i = 0; i < UNIFORM_POINTS; i++) {
    const row = chosen.length + i;
    const t = (2 * i) / (UNIFORM_POINTS - 1) - 1;
    chebyshevPowers(argument(t), INNER_DEGREE, powers);
    rows.features.set(powers, row * size);
    rows.targets[row] = scalar(center[channel]! + halfWidth[channel]! * t);
    rows.weights[row] = (uniformWeight * chosen.length) / UNIFORM_POINTS;
  }
  return rows;
}

/** Convex increasing functions, whose averages follow the largest value: a square above the least value, and an exponential. */
function initialShapes({ scalar }: FitData, start: PolynomialAttributes, channel: number): Float64Array[] {
  const at = (t: number): number => scalar(start.center[channel]! + start.halfWidth[channel]! * t);
  const least = Math.min(
    ...Array.from({ length: UNIFORM_POINTS }, (_, i) => at((2 * i) / (UNIFORM_POINTS - 1) - 1)),
  );
  return [(t: number): number => (at(t) - least) ** 2, (t: number): number => Math.exp(2.5 * t)].map(
    chebyshevProjection,
  );
}

/** Chebyshev coefficients of degree `INNER_DEGREE` by Gauss-Chebyshev quadrature. */
function chebyshevProjection(f: (t: number) => number): Float64Array {
  const nodes = 64;
  const result = new Float64Array(INNER_DEGREE + 1);
  for (let i = 0; i < nodes; i++) {
    const angle = (Math.PI * (i + 0.5)) / nodes;
    const value = f(Math.cos(angle));
    for (let j = 0; j < result.length; j++) {
      result[j]! += ((j === 0 ? 1 : 2) / nodes) * value * Math.cos(j * angle);
    }
  }
  return result;
}

/** The best of several starts, scaled to the targets, with a leading coefficient that can be divided by. */
function fitInner(
  rows: Rows,
  first: Float64Array,
  shapes: readonly Float64Array[],
  degree: number,
): Float64Array {
  let best = first;
  let least = Infinity;
  for (const start of [first, ...shapes]) {
    const { coefficients, error } = alternate(rows, start, degree);
    // Written so that NaN (a channel without any variation) loses.
    if (error < least) [best, least] = [coefficients, error];
  }
  const line = solveWeighted(
    rows,
    (row, out) => {
      out[0] = 1;
      out[1] = dot(rows.features, row, best);
    },
    2,
  );
  if (!(Math.abs(line[1]!) > 1e-9)) return first;
  const scaled = best.map((value, j) => line[1]! * value + (j === 0 ? line[0]! : 0));
  const floor = LEADING_FLOOR * 1.05 * largestMagnitude(scaled);
  const leading = scaled[INNER_DEGREE]!;
  if (Math.abs(leading) < floor) scaled[INNER_DEGREE] = leading < 0 ? -floor : floor;
  return scaled;
}

/** The outer polynomial by least squares for the inner one as it is, then a Gauss-Newton step of the inner one, and again. */
function alternate(
  rows: Rows,
  start: Float64Array,
  degree: number,
): { readonly coefficients: Float64Array; readonly error: number } {
  let inner = start;
  let state = outerFit(rows, inner, degree);
  for (let round = 0; round < ROUNDS; round++) {
    const step = gaussNewtonStep(rows, inner, state);
    let improved = false;
    for (let factor = 1, i = 0; i < HALVINGS && !improved; factor /= 3, i++) {
      const candidate = inner.map((value, j) => value + factor * step[j]!);
      const fitted = outerFit(rows, candidate, degree);
      improved = fitted.error < state.error;
      if (improved) [inner, state] = [candidate, fitted];
    }
    if (!improved) break;
  }
  return { coefficients: inner, error: state.error };
}

interface OuterFit {
  readonly center: number;
  readonly halfWidth: number;
  readonly coefficients: Float64Array;
  /** Weighted sum of squares. */
  readonly error: number;
}

function outerFit(rows: Rows, inner: Float64Array, degree: number): OuterFit {
  const averages = Float64Array.from({ length: rows.count }, (_, row) => dot(rows.features, row, inner));
  const [min, max] = averages.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
  const center = (min + max) / 2;
  const halfWidth = Math.max((max - min) / 2, 1e-12);
  const at = (row: number): number => (averages[row]! - center) / halfWidth;
  const coefficients = solveWeighted(rows, (row, out) => chebyshevPowers(at(row), degree, out), degree + 1);
  let error = 0;
  for (let row = 0; row < rows.count; row++) {
    error += rows.weights[row]! * (rows.targets[row]! - evaluateChebyshev(coefficients, at(row))) ** 2;
  }
  return { center, halfWidth, coefficients, error };
}

function gaussNewtonStep(
  rows: Rows,
  inner: Float64Array,
  { center, halfWidth, coefficients }: OuterFit,
): Float64Array {
  const size = inner.length;
  const slopeAt = (t: number): number =>
    (evaluateChebyshev(coefficients, t + 1e-4) - evaluateChebyshev(coefficients, t - 1e-4)) /
    (2e-4 * halfWidth);
  return solveWeighted(
    rows,
    (row, out) => {
      const slope = slopeAt((dot(rows.features, row, inner) - center) / halfWidth);
      for (let j = 0; j < size; j++) out[j] = slope * rows.features[row * size + j]!;
    },
    size,
    (row) =>
      rows.targets[row]! -
      evaluateChebyshev(coefficients, (dot(rows.features, row, inner) - center) / halfWidth),
    DAMPING,
  );
}

/** Weighted least squares on features that `write` gives for a row, slightly damped. */
function solveWeighted(
  rows: Rows,
  write: (row: number, out: Float64Array) => void,
  size: number,
  target: (row: number) => number = (row) => rows.targets[row]!,
  damping = 1e-10,
): Float64Array {
  const gram = new Float64Array(size * size);
  const cross = new Float64Array(size);
  const features = new Float64Array(size);
  for (let row = 0; row < rows.count; row++) {
    write(row, features);
    const value = target(row);
    for (let i = 0; i < size; i++) {
      const weighted = rows.weights[row]! * features[i]!;
      cross[i]! += weighted * value;
      for (let j = 0; j < size; j++) gram[i * size + j]! += weighted * features[j]!;
    }
  }
  let trace = 0;
  for (let i = 0; i < size; i++) trace += gram[i * size + i]!;
  for (let i = 0; i < size; i++) gram[i * size + i]! += (damping * trace) / size;
  return solveSymmetric(gram, size, cross);
}

function dot(features: Float64Array, row: number, coefficients: Float64Array): number {
  const size = coefficients.length;
  let sum = 0;
  for (let j = 0; j < size; j++) sum += features[row * size + j]! * coefficients[j]!;
  return sum;
}

/** Averages over the windows, [samples × windows]. */
function average(values: Float32Array, { shape, windows }: PoolingData): Float32Array {
  const elements = shape.reduce((product, extent) => product * extent, 1);
  const count = windows.rowStart.length - 1;
  const samples = values.length / elements;
  const result = new Float32Array(samples * count);
  for (let sample = 0; sample < samples; sample++) {
    for (let window = 0; window < count; window++) {
      const begin = windows.rowStart[window]!;
      const end = windows.rowStart[window + 1]!;
      let sum = 0;
      for (let k = begin; k < end; k++) sum += values[sample * elements + windows.columns[k]!]!;
      result[sample * count + window] = sum / (end - begin);
    }
  }
  return result;
}
