/**
 * Chebyshev series in another unit of their argument. They go through powers of it, so that x³ = (3 T_1 + T_3) / 4 has no part but its
 * own in any unit; units are powers of two, which makes that exact.
 */

/** Powers of higher degree lose what cancels between them: of degree 16, 11 of float64's 53 bits. */
export const MOST_SCALED_DEGREE = 16;

/** Below this, T_k cancel: x³ = (3 T_1 + T_3) / 4 has nothing left of float64 where x is 1e-8. */
const SMALL_ARGUMENT = 2 ** -2;
/** log2 of the smallest unit whose powers of any degree float64 holds. */
const LEAST_UNIT = -60;

/** The unit in which T_k of arguments of up to `largest` are to be computed: 1 where they are not small. */
export function unitOfArguments(largest: number, degree: number): number {
  if (!(largest > 0 && largest < SMALL_ARGUMENT) || degree > MOST_SCALED_DEGREE) return 1;
  return 2 ** Math.max(Math.ceil(Math.log2(largest)), LEAST_UNIT);
}

/**
 * q with Σ_k q_k T_k(t) = Σ_k c_k T_k(s t).
 * @param coefficients c_k, for each element or a single one for all; q_k come in the same form
 * @param s a power of two
 */
export function scaleArgument(coefficients: readonly Float64Array[], s: number): Float64Array[] {
  return scaled(coefficients, s, new Float64Array(coefficients.length));
}

/** q with T_{d/2}(t)² + Σ_{k<d} q_k T_k(t) = s^−d [T_{d/2}(s t)² + Σ_{k<d} c_k T_k(s t)], d the number of coefficients. */
export function scaleUnitLeading(coefficients: readonly Float64Array[], s: number): Float64Array[] {
  const degree = coefficients.length;
  const half = powersOfChebyshev(degree / 2).at(-1)!;
  const top = new Float64Array(degree + 1);
  half.forEach((a, i) => half.forEach((b, j) => (top[i + j]! += a * b)));
  return scaled(coefficients, s, top).map((values) => values.map((c) => c * s ** -degree));
}

/** The series of Σ_k c_k T_k(s t) + top(s t) − s^d top(t) for top = Σ_j top_j t^j of degree d, whose leading power goes away. */
function scaled(coefficients: readonly Float64Array[], s: number, top: Float64Array): Float64Array[] {
  const degree = coefficients.length - 1;
  const powers = powersOfChebyshev(degree);
  const series = chebyshevOfPowers(degree);
  const size = Math.max(1, ...coefficients.map(({ length }) => length));
  const result = coefficients.map(() => new Float64Array(size));
  for (let e = 0; e < size; e++) {
    for (let j = 0; j <= degree; j++) {
      let power = top[j]!;
      for (const [k, values] of coefficients.entries()) {
        power += values[values.length === 1 ? 0 : e]! * (powers[k]![j] ?? 0);
      }
      power = power * s ** j - top[j]! * s ** coefficients.length;
      for (const [k, share] of series[j]!.entries()) result[k]![e] = result[k]![e]! + power * share;
    }
  }
  return result;
}

/** c with t^power = Σ_k c_k T_k(t). */
export function chebyshevOfPower(power: number): Float64Array {
  return chebyshevOfPowers(power).at(-1)!;
}

/** T_k = Σ_j result[k][j] t^j, k = 0 … degree. */
function powersOfChebyshev(degree: number): Float64Array[] {
  const result = [Float64Array.of(1), Float64Array.of(0, 1)];
  for (let k = 2; k <= degree; k++) {
    const [before, last] = [result[k - 2]!, result[k - 1]!];
    const next = new Float64Array(k + 1);
    last.forEach((c, j) => (next[j + 1]! += 2 * c));
    before.forEach((c, j) => (next[j]! -= c));
    result.push(next);
  }
  return result.slice(0, degree + 1);
}

/** t^j = Σ_k result[j][k] T_k, j = 0 … degree. */
function chebyshevOfPowers(degree: number): Float64Array[] {
  const result = [Float64Array.of(1)];
  for (let j = 1; j <= degree; j++) {
    const next = new Float64Array(j + 1);
    // t T_0 = T_1; t T_k = (T_{k+1} + T_{k−1}) / 2.
    result[j - 1]!.forEach((c, k) => {
      if (k === 0) next[1]! += c;
      else {
        next[k + 1]! += c / 2;
        next[k - 1]! += c / 2;
      }
    });
    result.push(next);
  }
  return result;
}
