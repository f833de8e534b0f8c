/** Polynomials in the Chebyshev basis T_0, T_1, … of the first kind, whose interval is [-1, 1]. */

/** Σ_k coefficients[offset + k] T_k(t) for k = 0 … degree, by Clenshaw's recurrence. */
export function evaluateChebyshev(
  coefficients: ArrayLike<number>,
  t: number,
  offset = 0,
  degree = coefficients.length - 1,
): number {
  let next = 0;
  let current = 0;
  for (let k = degree; k > 0; k--) {
    const value = coefficients[offset + k]! + 2 * t * current - next;
    next = current;
    current = value;
  }
  return coefficients[offset]! + t * current - next;
}

/** Values advanced together: Clenshaw's recurrence is bound by latency for one value, by throughput for many. */
const BLOCK = 256;

/**
 * Σ_k coefficients[k] T_k(t) for every t of `values`; `coefficients[k]` has one entry per value, or a single one for all.
 * Even series, such as those of |t|, take half the steps: T_2k(t) = T_k(2t² − 1).
 */
export function evaluateChebyshevAll(
  coefficients: readonly Float64Array[],
  values: Float64Array,
): Float64Array {
  const result = new Float64Array(values.length);
  if (coefficients.length === 0) return result;
  const isEven = coefficients.every((entries, k) => k % 2 === 0 || entries.every((c) => c === 0));
  const series = isEven ? coefficients.filter((_, k) => k % 2 === 0) : coefficients;
  const twice = new Float64Array(BLOCK);
  const current = new Float64Array(BLOCK);
  const next = new Float64Array(BLOCK);
  for (let from = 0; from < values.length; from += BLOCK) {
    const count = Math.min(BLOCK, values.length - from);
    for (let i = 0; i < count; i++) {
      const t = values[from + i]!;
      twice[i] = isEven ? 4 * t * t - 2 : 2 * t;
      current[i] = 0;
      next[i] = 0;
    }
    for (let k = series.length - 1; k > 0; k--) {
      const entries = series[k]!;
      const [first, step] = entries.length === 1 ? [0, 0] : [from, 1];
      for (let i = 0; i < count; i++) {
        const value = current[i]!;
        current[i] = entries[first + step * i]! + twice[i]! * value - next[i]!;
        next[i] = value;
      }
    }
    const constants = series[0]!;
    for (let i = 0; i < count; i++) {
      const constant = constants[constants.length === 1 ? 0 : from + i]!;
      result[from + i] = constant + 0.5 * twice[i]! * current[i]! - next[i]!;
    }
  }
  return result;
}

/** Writes T_0(t) … T_degree(t) to `out`. */
export function chebyshevPowers(t: number, degree: number, out: Float64Array): Float64Array {
  out[0] = 1;
  if (degree > 0) out[1] = t;
  for (let k = 2; k <= degree; k++) out[k] = 2 * t * out[k - 1]! - out[k - 2]!;
  return out;
}

/** Product of two series: T_i T_j = (T_{i+j} + T_{|i−j|}) / 2. */
export function multiplyChebyshev(a: Float64Array, b: Float64Array): Float64Array {
  const result = new Float64Array(a.length + b.length - 1);
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < b.length; j++) {
      const half = (a[i]! * b[j]!) / 2;
      result[i + j]! += half;
      result[Math.abs(i - j)]! += half;
    }
  }
  return result;
}

/** a + factor · b. */
export function addChebyshev(a: Float64Array, b: Float64Array, factor: number): Float64Array {
  const result = new Float64Array(Math.max(a.length, b.length));
  result.set(a);
  for (let k = 0; k < b.length; k++) result[k]! += factor * b[k]!;
  return result;
}

/** Largest |Σ_k coefficients[k] T_k| on [-1, 1], over 129 Chebyshev points. */
export function largestMagnitude(coefficients: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i <= 128; i++) {
    largest = Math.max(largest, Math.abs(evaluateChebyshev(coefficients, Math.cos((Math.PI * i) / 128))));
  }
  return largest;
}
