/** What a program asks of a modulus chain, and which scales can meet it. */
import type { SecurityLevel } from '../../program/parameters.ts';
import { quietHeadroomBits } from '../analysis/noise-sources.ts';

/** More scale than this buys nothing: encoding and decryption are done in float64. */
export const MAX_SCALE_BITS = 42;
/** Below this the rescale rounding error of the ring leaves nothing; not worth trying. */
const MIN_SCALE_OVER_NOISE_BITS = 4;

export interface ParameterDemand {
  /** Levels of the chain. */
  readonly depth: number;
  /** Level of what refreshes give; null, or left out, where nothing is refreshed. */
  readonly refreshed?: number | null;
  /** Largest |value| expected at level 0. */
  readonly outputBound: number;
  readonly security: SecurityLevel;
  /** Output bits asked for, relative to the output bound. */
  readonly precision: number;
  /** An output is one number, that may stand in every slot alike. */
  readonly singleOutput?: boolean;
}

/**
 * A value that fills every slot wraps around in all of them alike: no imaginary part shows it, no empty slot, only where it lands. So
 * many more bits of q_0 make it land out of range but for one in more than a hundred.
 */
const SINGLE_OUTPUT_BITS = 6;

/** log2 of the standard deviation, per slot, of the error that one rescale adds (absolute, before division by the scale). */
export function rescaleNoiseBits(polyModulusDegree: number): number {
  // Rounding errors are uniform in [-1/2, 1/2]: variance (1 + ‖s‖²)/12 per coefficient with ‖s‖² = 2N/3 for uniform
  // ternary s; a slot is a sum over N coefficients with unit-modulus factors, half of it in the real part.
  const perCoefficient = (1 + (2 * polyModulusDegree) / 3) / 12;
  return Math.log2(Math.sqrt((perCoefficient * polyModulusDegree) / 2));
}

/** Bits above the scale that q_0 needs so that the output, with a sign and a margin of two, does not wrap. */
export function outputHeadroomBits(bound: number): number {
  return Math.max(2, Math.ceil(Math.log2(Math.max(bound, 1e-3))) + 2);
}

/** The same for all that a program asks of it. */
export function baseHeadroomBits({ outputBound, singleOutput }: ParameterDemand): number {
  return outputHeadroomBits(outputBound) + (singleOutput === true ? SINGLE_OUTPUT_BITS : 0);
}

/** P over the largest digit, in bits, at least: the noise of key switching then stays below that of rounding, over all slots. */
export const SPECIAL_HEADROOM_BITS = 3;

/** The same for digits of one prime, which are not centred: first so that no slot stands out, then where that leaves too little. */
export function specialHeadrooms(polyModulusDegree: number): readonly number[] {
  return [quietHeadroomBits(polyModulusDegree), SPECIAL_HEADROOM_BITS];
}

/** Whether a scale may reach the precision at all; the caller checks by forecast. */
export function reachesPrecision(
  polyModulusDegree: number,
  scaleBits: number,
  { outputBound, precision }: ParameterDemand,
): boolean {
  // The output's bound counts as signal: errors are judged relative to the output range.
  const signal = Math.log2(Math.max(outputBound, 1e-3));
  const left = scaleBits - rescaleNoiseBits(polyModulusDegree) + signal;
  return left >= Math.max(precision, MIN_SCALE_OVER_NOISE_BITS);
}
