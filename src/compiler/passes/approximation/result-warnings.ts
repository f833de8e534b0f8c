/** What there is to say about an approximation whose accuracy is not what was asked for. */
import type { Drop } from './quality.ts';
import type { Approximation } from './walk.ts';

/**
 * The best estimate of the drop, in percentage points. Held-out inputs usually come from the data that the model was
 * trained on, where it is more accurate than elsewhere and has more to lose, so the estimate errs on the safe side; a confidence
 * bound on top of it would spend levels on sampling noise.
 */
export function drop({ points }: Drop): number {
  return points;
}

export function resultWarnings({ comparison }: Approximation, limit: number, exact: boolean): string[] {
  const warnings: string[] = [];
  if (comparison.overflows > 0) {
    warnings.push(
      `${comparison.overflows} of ${comparison.quality.samples} held-out calibration inputs overflow: they leave the range ` +
        `of a polynomial; more calibration data widens the ranges`,
    );
  }
  if (exact || drop(comparison.drop) <= limit) return warnings;
  const { measure, points, standardError } = comparison.drop;
  const what = {
    accuracy: 'accuracy drops by',
    agreement: 'the class changes for a share of inputs of',
    'output-error': 'the output error corresponds to',
  }[measure];
  warnings.push(
    `${what} ${points.toFixed(2)} ± ${standardError.toFixed(2)} percentage points on held-out calibration inputs, more ` +
      `than the ${limit} allowed; more calibration data, a higher degree or relu-composite activations may help`,
  );
  return warnings;
}
