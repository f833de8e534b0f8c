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

/** Coefficients in the basis 1, t, t², … of Σ_k coefficients[k] T_k(t). */
export function chebyshevToMonomial(coefficients: ArrayLike<number>): Float64Array {
  const size = coefficients.length;
  const result = new Float64Array(size);
  let previous = new Float64Array(size);
  let current = new Float64Array(size);
  previous[0] = 1;
  if (size > 1) current[1] = 1;
  for (let k = 0; k < size; k++) {
    const basis = k === 0 ? previous : current;
    for (let j = 0; j <= k; j++) result[j] = result[j]! + coefficients[k]! * basis[j]!;
    if (k === 0) continue;
    const following = new Float64Array(size);
    for (let j = 0; j < size; j++) following[j] = (j > 0 ? 2 * current[j - 1]! : 0) - previous[j]!;
    previous = current;
    current = following;
  }
  return result;
}

/** Chebyshev coefficients of Σ_k coefficients[k] t^k: Horner's rule, with t·T_k = (T_{k+1} + T_{|k−1|}) / 2. */
export function monomialToChebyshev(coefficients: ArrayLike<number>): Float64Array {
  const size = coefficients.length;
  let result = new Float64Array(size);
  for (let k = size - 1; k >= 0; k--) {
    const shifted = new Float64Array(size);
    for (let j = 0; j < size; j++) {
      const value = result[j]!;
      if (value === 0) continue;
      if (j === 0) {
        shifted[1] = shifted[1]! + value;
      } else {
        if (j + 1 < size) shifted[j + 1] = shifted[j + 1]! + value / 2;
        shifted[j - 1] = shifted[j - 1]! + value / 2;
      }
    }
    shifted[0] = shifted[0]! + coefficients[k]!;
    result = shifted;
  }
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
