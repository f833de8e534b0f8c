/**
 * Forecast of the CKKS error: the standard deviation, per slot, of every value of a slot program, before it is run.
 *
 * Errors are independent between operations and slots; those of a linear map's inputs add up by the squares of its entries, those
 * of a polynomial's by the square of its derivative, those of a product by the squares of the other factor (average-case
 * analysis as in Costache et al., eprint 2022/162, rather than worst-case bounds). What each operation adds: `noise-sources.ts`; what each
 * instruction: `instruction-noise.ts`.
 */
import type { Program } from '../../program/program.ts';
import { elementCount } from '../../program/layout.ts';
import type { CkksParameters } from '../../program/security.ts';
import { roundingStep } from '../../program/rounding.ts';
import { BOUND_MARGIN } from './bounds.ts';
import { alike, chainNoise, instructionVariance, type SlotVariances } from './instruction-noise.ts';

export interface NoiseForecast {
  /** Standard deviation of each value's error per slot, absolute; indexed by ValueId. */
  readonly std: readonly number[];
  readonly outputs: readonly OutputForecast[];
}

export interface OutputForecast {
  /** Error that the worst element of some evaluations stays within, absolute; see `worstDeviations`. */
  readonly worst: number;
  /** Largest error that rounding to the certified precision adds; 0 where nothing is rounded. */
  readonly rounding: number;
  /** Largest |value| of an evaluation's output, in the lower quartile of inputs: what errors are judged by. */
  readonly typical: number;
  readonly bound: number;
  /** −log2(worst / bound): what results are rounded to. */
  readonly boundBits: number;
  /** −log2((worst + rounding) / typical). */
  readonly precisionBits: number;
}

/** Evaluations whose worst element a forecast is for, and the chance that it is worse nevertheless. */
const EVALUATIONS = 20;
const CHANCE = 0.01;

/**
 * Standard deviations that the largest of all errors in `EVALUATIONS` outputs of so many elements stays within, but for a chance
 * of `CHANCE`. Errors that many slots contribute to are normal: 4.1 deviations for ten scores, 5.2 for a map of 48 × 48. Those
 * that rescaling and key switching have just made are Re(r s) in every slot, a rounding error times the secret's value there: both
 * are complex normal, and the real part of their product has a Laplace distribution, with tails e^(−√2 z): 7.0 and 10.8.
 */
export function worstDeviations(elements: number): { readonly mixed: number; readonly fresh: number } {
  const chance = CHANCE / (EVALUATIONS * elements);
  return { mixed: normalTail(chance / 2), fresh: -Math.log(chance) / Math.SQRT2 };
}

/** z with P(X > z) = p of a standard normal, p < 1e-3: by Newton steps on the logarithm of its continued fraction. */
export function normalTail(p: number): number {
  let z = Math.sqrt(-2 * Math.log(p));
  for (let step = 0; step < 8; step++) {
    const fraction = z + 1 / (z + 2 / (z + 3 / (z + 4 / (z + 5 / z))));
    const logTail = (-z * z) / 2 - Math.log(2 * Math.PI) / 2 - Math.log(fraction);
    z += (logTail - Math.log(p)) / fraction;
  }
  return z;
}

/** Relative error of a program run in the clear: float64 arithmetic over sums of thousands of terms. */
const CLEARTEXT_ERROR = 2 ** -44;

export function forecastNoise(program: Program, parameters: CkksParameters): NoiseForecast {
  const std = parameters.scheme === 'cleartext' ? clearErrors(program) : encryptedErrors(program, parameters);
  return {
    std,
    outputs: program.outputs.map(({ value, layout }) => {
      const { bound } = program.values[value]!;
      return outputForecast(
        worstDeviations(elementCount(layout.shape)).mixed * std[value]!,
        bound / BOUND_MARGIN,
        bound,
        parameters.scheme !== 'cleartext',
      );
    }),
  };
}

/** @param rounded whether results are rounded to the certified precision, as those under encryption are */
export function outputForecast(
  worst: number,
  typical: number,
  bound: number,
  rounded: boolean,
): OutputForecast {
  const boundBits = precisionOf(worst, bound);
  const rounding = rounded ? roundingStep(bound, boundBits) / 2 : 0;
  return {
    worst,
    rounding,
    typical,
    bound,
    boundBits,
    precisionBits: precisionOf(worst + rounding, typical),
  };
}

/** −log2(error / range), however large the error: polynomials of disturbed arguments may leave all bounds. */
export function precisionOf(error: number, range: number): number {
  return error / range < Infinity ? -Math.log2(error / range) : -1024;
}

function clearErrors(program: Program): number[] {
  return program.values.map((value) => (CLEARTEXT_ERROR * value.bound) / 4);
}

function encryptedErrors(program: Program, parameters: CkksParameters): number[] {
  const chain = chainNoise(parameters);
  const variance = new Array<number>(program.values.length).fill(0);
  for (const { value } of program.inputs) variance[value] = chain.sources.fresh(program.values[value]!.scale);
  const setting = { ...chain, program, variance, meanSquares: uniformMeanSquares(program) };
  for (const instruction of program.instructions)
    variance[instruction.output] = instructionVariance(setting, instruction).mean;
  return variance.map(Math.sqrt);
}

/**
 * The variance that computing each value adds by itself, its operands taken as free of error; `meanSquares[id]` is the mean
 * of the squared slots of value id.
 */
export function ownVariances(
  program: Program,
  parameters: CkksParameters,
  meanSquares: readonly number[],
): SlotVariances[] {
  const chain = chainNoise(parameters);
  const none = new Array<number>(program.values.length).fill(0);
  const own = none.map(alike);
  for (const { value } of program.inputs)
    own[value] = alike(chain.sources.fresh(program.values[value]!.scale));
  const setting = { ...chain, program, variance: none, meanSquares };
  for (const instruction of program.instructions)
    own[instruction.output] = instructionVariance(setting, instruction);
  return own;
}

/** Without samples, values are taken as uniform over what was seen in calibration: ±bound / margin. */
function uniformMeanSquares(program: Program): number[] {
  return program.values.map(({ bound }) => (bound / BOUND_MARGIN) ** 2 / 3);
}
