/** The bound on what approximation may cost, and whether held-out samples show that it is kept. */
import type { BoundReport } from '../../../program/artifact.ts';
import type { CompileOptions } from '../../options.ts';
import { OUTPUT_ERROR_LIMITS } from '../../options.ts';
import type { Drop, Measure } from './drop.ts';

export type LimitOptions = Pick<CompileOptions, 'maxAccuracyDrop' | 'maxOutputError'>;

/** In the measure's own percent. */
export function limitFor(measure: Measure, { maxAccuracyDrop, maxOutputError }: LimitOptions): number {
  switch (measure) {
    case 'accuracy':
    case 'agreement':
      return maxAccuracyDrop;
    case 'decisions':
      return maxOutputError ?? OUTPUT_ERROR_LIMITS.decisions;
    case 'output-error':
      return maxOutputError ?? OUTPUT_ERROR_LIMITS.values;
  }
}

/**
 * Whether a drop is good enough: the upper end of its interval is within the limit or, where so few samples cannot show that of
 * any drop, the estimate.
 */
export function isWithin(drop: Drop, limit: number): boolean {
  return (drop.canShow(limit) ? drop.upper : drop.points) <= limit;
}

export function boundReport(drop: Drop, options: LimitOptions): BoundReport {
  const limit = limitFor(drop.measure, options);
  const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
  return {
    measure: drop.measure,
    estimate: finite(drop.points),
    lower: finite(drop.lower),
    upper: finite(drop.upper),
    limit: finite(limit),
    shown: drop.canShow(limit) && drop.upper <= limit,
  };
}
