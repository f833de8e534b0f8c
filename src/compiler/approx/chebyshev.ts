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
