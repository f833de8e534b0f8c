/**
 * What plaintexts can hold: the one statement of it, for node-seal (`CKKSEncoder::encode` in native/src/seal/ckks.h, SEAL 4) and
 * for the native engine (`Plaintexts::checkMagnitude` in native/engine/plaintexts.cpp), which refuse at run time what is beyond.
 * The compiler plans by it, so that neither ever has to.
 */
import type { CkksParameters } from './security.ts';
import type { Coefficient } from './program.ts';

/** Bit length of q_0 · … · q_level. */
export function modulusBits({ dataPrimes }: Pick<CkksParameters, 'dataPrimes'>, level: number): number {
  const product = dataPrimes.slice(0, level + 1).reduce((q, prime) => q * prime, 1n);
  return product.toString(2).length;
}

/** Whether a plaintext whose largest |coefficient|, scale included, is this fits a modulus of so many bits. */
export function fitsPlaintext(coefficient: number, bits: number): boolean {
  return coefficient <= 1 || Math.ceil(Math.log2(coefficient)) + 1 < bits;
}

/**
 * No coefficient of an encoded vector exceeds this times the scale: each is (2/N) Σ z_j ζ_j over N/2 slots with |ζ_j| = 1 and
 * their conjugates, which is at most the mean of |z_j|.
 */
export function largestCoefficient(value: Coefficient, slotCount: number): number {
  if (typeof value === 'number') return Math.abs(value);
  let sum = 0;
  for (const slot of value.values) sum += Math.abs(slot);
  return sum / slotCount;
}
