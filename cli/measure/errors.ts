/** How far outputs are from what they should be. */
import type { ErrorSummary } from '../report/bench-report.ts';
import { logErrorHistogram, precisionStatistics } from '../report/statistics.ts';
import { reachOf, typicalReach } from '../../src/program/typical-reach.ts';

export function maxAbsDifference(left: ArrayLike<number>, right: ArrayLike<number>): number {
  let max = 0;
  for (let i = 0; i < left.length; i++) max = Math.max(max, Math.abs(left[i]! - right[i]!));
  return max;
}

/** Stands for an output whose decryption was refused: nothing is known of it. */
export function refusedOutput(elements: number): Float64Array {
  return new Float64Array(elements).fill(Number.NaN);
}

export function isRefused(output: ArrayLike<number>): boolean {
  return output.length > 0 && Number.isNaN(output[0]);
}

/** Refused outputs are left out. @param actual, reference one output per sample, of equal lengths */
export function summariseErrors(
  actual: readonly ArrayLike<number>[],
  reference: readonly ArrayLike<number>[],
): ErrorSummary {
  const errors: number[] = [];
  let squares = 0;
  let maxAbsError = 0;
  actual.forEach((output, sample) => {
    if (isRefused(output)) return;
    for (let i = 0; i < output.length; i++) {
      const error = output[i]! - reference[sample]![i]!;
      errors.push(error);
      squares += error * error;
      maxAbsError = Math.max(maxAbsError, Math.abs(error));
    }
  });
  // Of outputs that are mostly zero nothing is typical but the largest.
  const range = typicalReach(reference) || Math.max(0, ...reference.map(reachOf));
  return {
    maxAbsError,
    rmsError: Math.sqrt(squares / Math.max(errors.length, 1)),
    range,
    precisionBits: precisionStatistics(errors, range),
    histogram: logErrorHistogram(errors),
  };
}
