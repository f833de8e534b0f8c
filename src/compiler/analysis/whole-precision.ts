/**
 * How far the worst output of an encrypted evaluation may be from the original model's: by encryption, by the polynomials that
 * stand for activations, by the rounding that hides the noise from others, and by the model's own float32.
 */
import type { ApproximationQuality } from '../../program/artifact.ts';
import { precisionOf, type OutputForecast } from './noise.ts';

/** Errors of the original model's own arithmetic, relative to its outputs: float32 has 24 bits, and sums lose two. */
const SINGLE_PRECISION = 2 ** -22;

export interface WholePrecision {
  /** Of everything together: −log2 of the worst error over what outputs typically reach. */
  readonly precisionBits: number;
  /** Of encryption alone, before rounding. */
  readonly encryptionPrecisionBits: number;
  /** Of the polynomials alone; null where nothing is approximated. */
  readonly approximationPrecisionBits: number | null;
}

/**
 * Of the worst output.
 * @param units what 1 of the program's values is of the model's, per output
 */
export function wholePrecision(
  outputs: readonly OutputForecast[],
  units: readonly number[],
  { maxOutputError, samples }: Pick<ApproximationQuality, 'maxOutputError' | 'samples'>,
): WholePrecision {
  // Errors of approximation are known over all outputs together: they are judged by the largest.
  const reach = Math.max(...outputs.map(({ typical }, index) => typical * units[index]!));
  // The worst of a few inputs is not the worst of further ones.
  const approximation = (maxOutputError * (1 + 2 / Math.sqrt(Math.max(samples, 1)))) / reach;
  const least = (errorOf: (output: OutputForecast) => number): number =>
    Math.min(...outputs.map((output) => precisionOf(errorOf(output), output.typical)));
  const model = ({ bound }: OutputForecast): number => SINGLE_PRECISION * bound;
  return {
    precisionBits: least(
      (output) => output.worst + output.rounding + model(output) + approximation * output.typical,
    ),
    encryptionPrecisionBits: least((output) => output.worst + model(output)),
    approximationPrecisionBits: maxOutputError === 0 ? null : precisionOf(approximation, 1),
  };
}
