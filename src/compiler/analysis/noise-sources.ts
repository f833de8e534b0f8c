/**
 * Where CKKS errors come from: the variance, per slot, that each primitive operation adds.
 *
 * An error polynomial e with independent coefficients of variance V takes the value Σ e_i ζ^i at a root of unity ζ. Slots are
 * real parts of such values, so each has variance V Σ cos²(i arg ζ) = V N / 2, and dividing by the scale Δ gives V N / (2 Δ²).
 * The exception is encoding: a real vector has coefficients m_{N−i} = −m_i, whose rounding errors mirror each other too. Their
 * values at the roots are real, and all of V N is in the slot: V N / Δ². Different slots are uncorrelated.
 *
 * Coefficient variances follow Kim, Papadimitriou, Polyakov, "Approximate Homomorphic Encryption with Reduced Approximation
 * Error" (eprint 2020/1118) and Costache, Curtis, Hales, Murphy, Ogilvie, Player, "On the precision loss in
 * approximate homomorphic encryption" (eprint 2022/162), here for uniform ternary secrets.
 */
import { digitSize, isSealShaped } from '../../program/parameters.ts';
import type { CkksParameters } from '../../program/security.ts';
import { ERROR_STANDARD_DEVIATION } from '../../program/security.ts';

/** Variance of rounding to the nearest integer. */
const ROUNDING = 1 / 12;

/** Variances per slot, in units of the slot's value; `scale` is the scale at which the operation's result stands. */
export interface NoiseSources {
  /** Encoding and encryption, with the secret key or with a public key, whichever is noisier. */
  fresh(scale: number): number;
  /** Encoding alone: of a plaintext that is added, or (relative to the other factor) multiplied. */
  plaintext(scale: number): number;
  rescale(scale: number): number;
  /** Rotation or relinearization of a ciphertext modulo q_0 … q_level. */
  keySwitch(level: number, scale: number): number;
  /**
   * The same where the result stays in the extended basis, to be divided by P and rounded together with others (hoisting);
   * chains in SEAL's shape may be run by SEAL, which rounds each.
   */
  deferredKeySwitch(level: number, scale: number): number;
  /** Part of a key switch's variance that is not the same in all slots: its mean over them. See `gatheredShares`. */
  gathered(level: number, scale: number): number;
}

export function noiseSources(parameters: CkksParameters): NoiseSources {
  const n = parameters.polyModulusDegree;
  const toSlot = (coefficientVariance: number, scale: number): number =>
    (coefficientVariance * n) / (2 * scale * scale);
  const switching = keySwitchVariances(parameters);
  const plaintext = (scale: number): number => (ROUNDING * n) / (scale * scale);
  return {
    fresh: (scale) => toSlot(freshVariance(n), scale) + plaintext(scale),
    plaintext,
    rescale: (scale) => toSlot(divisionRounding(n), scale),
    keySwitch: (level, scale) => toSlot(switching[level]! + divisionRounding(n), scale),
    deferredKeySwitch: (level, scale) =>
      toSlot(switching[level]! + (isSealShaped(parameters) ? divisionRounding(n) : 0), scale),
    // Of digits' mean square D² / 3, their mean D / 2 is three quarters.
    gathered: (level, scale) =>
      digitSize(parameters) === 1 ? toSlot((3 / 4) * switching[level]!, scale) : 0,
  };
}

/**
 * Coefficient variance of a fresh ciphertext. Under the secret key it is that of the error alone. Under a public key
 * (b, a) = (−a s + e, a), the error u e + e_0 + e_1 s has variance σ² (1 + 4N/3), but SEAL encrypts with one prime more than the
 * ciphertext will have, the special one at the top, and divides by it (`Encryptor::encrypt_zero_internal` in
 * native/src/seal/encryptor.cpp, SEAL 4): what is left of the error itself is nothing, and there is one rounding.
 */
function freshVariance(n: number): number {
  const symmetric = ERROR_STANDARD_DEVIATION ** 2;
  return Math.max(symmetric, divisionRounding(n));
}

/**
 * Coefficient variance after both halves (c_0, c_1) of a ciphertext were divided by a prime and rounded: r_0 + r_1 s, where
 * a uniform ternary secret has ‖s‖² = 2N/3 on average.
 */
export function divisionRounding(n: number): number {
  return ROUNDING * (1 + (2 * n) / 3);
}

/**
 * Coefficient variance of a key switch before the division by P is rounded, by level. The ciphertext is cut into digits; digit
 * j is raised to the whole modulus and multiplied by a key error, N products per coefficient, and the sum divided by P.
 * Digits of several primes are raised exactly and centred: uniform in ±D_j / 2, a mean square of D_j² / 12 (Halevi,
 * Polyakov, Shoup, eprint 2018/117, §2.2). Digits of one prime are uniform in [0, D_j), as in SEAL: D_j² / 3.
 *
 * The slots do not share the noise of digits that are not centred evenly: see `gatheredShares`.
 */
function keySwitchVariances(parameters: CkksParameters): number[] {
  const { polyModulusDegree: n, dataPrimes, specialPrimes } = parameters;
  const size = digitSize(parameters);
  const meanSquare = size === 1 ? 1 / 3 : 1 / 12;
  const logSpecial = logProduct(specialPrimes);
  return dataPrimes.map((_, level) => {
    let sum = 0;
    for (let first = 0; first <= level; first += size) {
      const logDigit = logProduct(dataPrimes.slice(first, Math.min(first + size, level + 1)));
      sum += 4 ** (logDigit - logSpecial) * meanSquare;
    }
    return sum * n * ERROR_STANDARD_DEVIATION ** 2;
  });
}

/** Base 2; products of many primes are beyond float64. */
function logProduct(primes: readonly bigint[]): number {
  return primes.reduce((sum, prime) => sum + Math.log2(Number(prime)), 0);
}

/**
 * How digits that are not centred spread their noise over the slots: each slot's share, of mean 1. The mean of such digits is
 * D / 2 · Σ X^i, whose values D / (1 − ζ) are largest at the roots next to 1: slot 0 has four fifths of the whole, and how much that
 * is depends on the error of the key there, so that it is nearly the same in all evaluations under one key.
 */
export function gatheredShares(slotCount: number): Float64Array {
  const n = 2 * slotCount;
  const shares = new Float64Array(slotCount);
  // The root of slot j is ζ^(3^j): see `galoisElement`. |2 / (1 − ζ^k)|² / N
  for (let slot = 0, power = 1; slot < slotCount; slot++, power = (3 * power) % (2 * n))
    shares[slot] = 1 / (n * Math.sin((Math.PI * power) / (2 * n)) ** 2);
  return shares;
}

/**
 * Bits that P must have over a digit of one prime so that what gathers in slot 0, (D/2P)² · (2N/π)² · σ² N / 2, is not above the
 * rounding there, N (2N/3) / 24: 4^bits = 18.7 N.
 */
export function quietHeadroomBits(polyModulusDegree: number): number {
  return Math.ceil((Math.log2(polyModulusDegree) + 4.2) / 2);
}
