/** How decrypted values are rounded before anyone else sees them: compiler and runtime must agree on it. */

/** The largest power of two that is at most bound · 2^(1 − bits): values are rounded to its multiples. */
export function roundingStep(bound: number, bits: number): number {
  return 2 ** Math.floor(Math.log2(bound) + 1 - bits);
}
