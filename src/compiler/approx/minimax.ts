/**
 * Best uniform approximation on [-1, 1] in double precision, by Remez exchange with barycentric interpolation (Pachón,
 * Trefethen, "Barycentric-Remez algorithms for best polynomial approximation in the chebfun system", BIT 49, 2009). Stable
 * at degrees in the hundreds, where `remez` (extended precision) would take minutes; made for functions that are smooth
 * but for a few kinks.
 */
const MAX_ITERATIONS = 15;
const GRID_POINTS_PER_GAP = 24;
/** The largest error may exceed the levelled one, which bounds the best from below, by this share. */
const TOLERANCE = 0.01;

export interface UniformFit {
  /** Chebyshev coefficients, degree + 1 of them. */
  readonly coefficients: Float64Array;
  /** Largest |polynomial − f| on a fine grid. */
  readonly error: number;
}

/**
 * Chebyshev coefficients of the best (to 1 %) approximation of degree at most `degree`; of the interpolant at Chebyshev
 * points where the exchange breaks down (f is a polynomial, or not continuous).
 * @param f finite on [-1, 1]
 */
export function minimax(f: (x: number) => number, degree: number): UniformFit {
  const interpolant = measured(f, interpolate(f, degree));
  const best = exchange(f, degree);
  if (best === null) return interpolant;
  const exchanged = measured(f, best);
  return exchanged.error < interpolant.error ? exchanged : interpolant;
}

function measured(f: (x: number) => number, coefficients: Float64Array): UniformFit {
  const points = 40 * coefficients.length + 201;
  let error = 0;
  for (let i = 0; i < points; i++) {
    const x = -Math.cos((Math.PI * i) / (points - 1));
    error = Math.max(error, Math.abs(clenshaw(coefficients, x) - f(x)));
  }
  return { coefficients, error };
}

function clenshaw(coefficients: Float64Array, x: number): number {
  let [next, current] = [0, 0];
  for (let k = coefficients.length - 1; k > 0; k--)
    [next, current] = [current, coefficients[k]! + 2 * x * current - next];
  return coefficients[0]! + x * current - next;
}

/** Coefficients of the polynomial that equals f at the degree + 1 Chebyshev points of the first kind. */
export function interpolate(f: (x: number) => number, degree: number): Float64Array {
  const count = degree + 1;
  const values = Float64Array.from({ length: count }, (_, i) => f(Math.cos((Math.PI * (i + 0.5)) / count)));
  return Float64Array.from({ length: count }, (_, k) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += values[i]! * Math.cos((Math.PI * k * (i + 0.5)) / count);
    return ((k === 0 ? 1 : 2) * sum) / count;
  });
}

/** Null where the exchange finds no alternation. */
function exchange(f: (x: number) => number, degree: number): Float64Array | null {
  const count = degree + 2;
  let reference: Float64Array = Float64Array.from(
    { length: count },
    (_, i) => -Math.cos((Math.PI * i) / (count - 1)),
  );
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    const trial = levelled(f, reference);
    if (!Number.isFinite(trial.level) || trial.level === 0) return null;
    const peaks = alternation((x) => trial.evaluate(x) - f(x), reference);
    if (peaks === null) return null;
    if (peaks.largest <= Math.abs(trial.level) * (1 + TOLERANCE) || iteration === MAX_ITERATIONS - 1)
      return interpolate(trial.evaluate, degree);
    reference = peaks.points;
  }
  return null;
}

/** The polynomial whose error alternates between ±level on the reference points. */
function levelled(
  f: (x: number) => number,
  reference: Float64Array,
): { readonly level: number; readonly evaluate: (x: number) => number } {
  const weights = barycentricWeights(reference);
  const values = reference.map(f);
  let [numerator, denominator] = [0, 0];
  for (let j = 0; j < reference.length; j++) {
    numerator += weights[j]! * values[j]!;
    denominator += (j % 2 === 0 ? 1 : -1) * weights[j]!;
  }
  const level = numerator / denominator;
  const targets = values.map((value, j) => value - (j % 2 === 0 ? level : -level));
  return {
    level,
    evaluate: (x) => {
      let [above, below] = [0, 0];
      for (let j = 0; j < reference.length; j++) {
        const distance = x - reference[j]!;
        if (distance === 0) return targets[j]!;
        const share = weights[j]! / distance;
        above += share * targets[j]!;
        below += share;
      }
      return above / below;
    },
  };
}

/** 1 / Π (x_j − x_k) up to a common factor; the products under- and overflow, their logarithms do not. */
function barycentricWeights(points: Float64Array): Float64Array {
  const logs = points.map((x, j) => {
    let sum = 0;
    for (let k = 0; k < points.length; k++) if (k !== j) sum -= Math.log(2 * Math.abs(x - points[k]!));
    return sum;
  });
  const largest = logs.reduce((max, value) => Math.max(max, value), -Infinity);
  // Points ascend, so the signs alternate.
  return logs.map((value, j) => (j % 2 === 0 ? 1 : -1) * Math.exp(value - largest));
}

/** One extremum of the error per run of equal sign, as many as the reference has, ascending. */
function alternation(
  error: (x: number) => number,
  reference: Float64Array,
): { readonly points: Float64Array; readonly largest: number } | null {
  const grid = [-1];
  const knots = [-1, ...reference.filter((x) => x > -1 && x < 1), 1];
  for (let i = 0; i + 1 < knots.length; i++) {
    for (let j = 1; j <= GRID_POINTS_PER_GAP; j++)
      grid.push(knots[i]! + ((knots[i + 1]! - knots[i]!) * j) / GRID_POINTS_PER_GAP);
  }
  const values = grid.map(error);
  if (!values.every(Number.isFinite)) return null;
  const peaks: { x: number; size: number }[] = [];
  let start = 0;
  for (let i = 1; i <= grid.length; i++) {
    if (i < grid.length && values[i]! > 0 === values[start]! > 0) continue;
    let best = start;
    for (let k = start; k < i; k++) if (Math.abs(values[k]!) > Math.abs(values[best]!)) best = k;
    peaks.push({ x: grid[best]!, size: Math.abs(values[best]!) });
    start = i;
  }
  while (peaks.length > reference.length) {
    // Dropping at an end keeps the signs alternating; inside, two neighbours go at once.
    if (peaks.length === reference.length + 1) {
      if (peaks[0]!.size < peaks.at(-1)!.size) peaks.shift();
      else peaks.pop();
      continue;
    }
    let weakest = 0;
    for (let i = 0; i + 1 < peaks.length; i++) {
      const pair = (at: number): number => Math.max(peaks[at]!.size, peaks[at + 1]!.size);
      if (pair(i) < pair(weakest)) weakest = i;
    }
    peaks.splice(weakest, 2);
  }
  if (peaks.length < reference.length) return null;
  return {
    points: Float64Array.from(peaks, ({ x }) => x),
    largest: peaks.reduce((max, { size }) => Math.max(max, size), 0),
  };
}
