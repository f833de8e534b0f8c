import type { CkksParameters } from '../../program/security.ts';
import type { Backend } from '../options.ts';

/** What one primitive costs on a backend at a level, in milliseconds, and what a key weighs: used by every search. */
export interface CostModel {
  readonly backend: string;
  readonly slotCount: number;
  /** A rotation whose input is not shared with another (key switch included). */
  rotate(level: number): number;
  /** A further rotation of an already decomposed ciphertext; equals `rotate` where the backend cannot hoist. */
  hoistedRotate(level: number): number;
  /** Multiply by an encoded diagonal and accumulate. */
  multiplyPlain(level: number): number;
  /** Ciphertext product with relinearization. */
  multiply(level: number): number;
  add(level: number): number;
  rescale(level: number): number;
  /** Bytes of one Galois key in memory. */
  readonly galoisKeyBytes: number;
}

/**
 * node-seal 7 (WASM, no SIMD): fitted to measurements at N = 8192, 16384 and 32768. A key switch at level l does
 * (l+1)(l+2) NTTs of one limb; everything else is linear in the number of limbs.
 * `topLevel` is L: a key holds (L+1) digits of 2 polynomials over L+2 primes.
 */
export function sealCostModel(polyModulusDegree: number, topLevel: number): CostModel {
  const unit = (polyModulusDegree * Math.log2(polyModulusDegree)) / (16384 * 14);
  const linear = polyModulusDegree / 16384;
  const rotate = (level: number): number => unit * 0.4 * (level + 1) * (level + 2);
  return {
    backend: 'seal',
    slotCount: polyModulusDegree / 2,
    rotate,
    hoistedRotate: rotate,
    multiplyPlain: (level) => linear * 0.25 * (level + 1),
    multiply: (level) => rotate(level) + linear * 0.6 * (level + 1),
    add: (level) => linear * 0.04 * (level + 1),
    rescale: (level) => unit * 0.55 * (level + 1),
    galoisKeyBytes: (topLevel + 1) * 2 * (topLevel + 2) * polyModulusDegree * 8,
  };
}

/** The model for a backend and a chain. The native engine has none of its own yet; cleartext plans as node-seal would. */
export function costModelFor(_backend: Backend, parameters: CkksParameters): CostModel {
  return sealCostModel(parameters.polyModulusDegree, parameters.dataPrimes.length - 1);
}
