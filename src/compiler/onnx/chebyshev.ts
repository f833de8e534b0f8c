/** Chebyshev series Σ c_k T_k(t): evaluation, products and changes of variable. */

/** Clenshaw's recurrence. */
export function evaluateChebyshev(coefficients: ArrayLike<number>, t: number): number {
  let b1 = 0;
  let b2 = 0;
  for (let k = coefficients.length - 1; k >= 1; k--) {
    const b0 = coefficients[k]! + 2 * t * b1 - b2;
    b2 = b1;
    b1 = b0;
  }
  return (coefficients[0] ?? 0) + t * b1 - b2;
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
