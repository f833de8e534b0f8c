/** The unit in which tests measure the error of encrypted results. */
import type { CkksParameters } from '../../../program/security.ts';

/**
 * Standard deviation, per complex slot, of the rounding error of one rescale at scale Δ: rounding two polynomials, one
 * of them times a ternary secret, gives a variance of N/12·(1 + 2N/3).
 */
export function rescaleError(parameters: CkksParameters): number {
  const n = parameters.polyModulusDegree;
  return Math.sqrt((n / 12) * (1 + (2 * n) / 3)) / 2 ** parameters.scaleBits;
}
