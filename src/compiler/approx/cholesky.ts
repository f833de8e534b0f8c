/** Symmetric positive definite systems, dense and row-major. */

/**
 * Factors `matrix` (size × size, its lower triangle) into L·Lᵀ in place. Rows are the inner loop, so that both
 * operands of every inner product are contiguous.
 * @returns false if a pivot is not positive: the matrix is numerically singular.
 */
export function factorCholesky(matrix: Float64Array, size: number): boolean {
  for (let i = 0; i < size; i++) {
    const row = i * size;
    for (let j = 0; j <= i; j++) {
      const other = j * size;
      let sum = matrix[row + j]!;
      for (let k = 0; k < j; k++) sum -= matrix[row + k]! * matrix[other + k]!;
      if (j < i) {
        matrix[row + j] = sum / matrix[other + j]!;
      } else {
        if (!(sum > 0)) return false;
        matrix[row + i] = Math.sqrt(sum);
      }
    }
  }
  return true;
}

/** Solves L·Lᵀ·x = b in place for every row of `rightHandSides` (count × size). */
export function solveCholesky(factor: Float64Array, size: number, rightHandSides: Float64Array): void {
  for (let start = 0; start < rightHandSides.length; start += size) {
    const x = rightHandSides.subarray(start, start + size);
    for (let i = 0; i < size; i++) {
      let sum = x[i]!;
      for (let k = 0; k < i; k++) sum -= factor[i * size + k]! * x[k]!;
      x[i] = sum / factor[i * size + i]!;
    }
    for (let i = size - 1; i >= 0; i--) {
      const value = x[i]! / factor[i * size + i]!;
      x[i] = value;
      for (let k = 0; k < i; k++) x[k] = x[k]! - factor[i * size + k]! * value;
    }
  }
}

/**
 * Solves (matrix + jitter·I)·x = b for every row of `rightHandSides`; the jitter, relative to the mean of the
 * diagonal, starts at `jitter` and grows tenfold until the factorisation succeeds. `matrix` is kept.
 */
export function solveSymmetric(
  matrix: Float64Array,
  size: number,
  rightHandSides: Float64Array,
  jitter = 1e-12,
): Float64Array {
  let trace = 0;
  for (let i = 0; i < size; i++) trace += matrix[i * size + i]!;
  const unit = trace > 0 ? trace / size : 1;
  for (let relative = jitter; ; relative *= 10) {
    const factor = matrix.slice();
    for (let i = 0; i < size; i++) factor[i * size + i] = factor[i * size + i]! + relative * unit;
    if (!factorCholesky(factor, size) && relative < 1) continue;
    const solution = rightHandSides.slice();
    solveCholesky(factor, size, solution);
    return solution;
  }
}
