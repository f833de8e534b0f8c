/** How much worse an approximated model is, with an interval: what held-out samples say and what they leave possible. */
import type { Bounds } from '../../approx/paired-bounds.ts';
import { normalQuantile, pairedBounds } from '../../approx/paired-bounds.ts';

/** One-sided: the drop is below its upper end with 95 %. */
export const DEFAULT_ERROR = 0.05;

export type Measure = 'accuracy' | 'agreement' | 'decisions' | 'output-error';

/** In the measure's own percent; `lower` and `upper` are the ends of its interval, each one-sided. */
export interface Drop extends Bounds {
  readonly measure: Measure;
  /**
   * The best estimate: percent of the samples (accuracy lost, or classes changed), of the positions that either model takes for
   * more than background (decisions changed), or of the outputs' standard deviation (root-mean-square error).
   */
  readonly points: number;
  /** Whether so many samples could show any drop to lie within `limit`: one of zero. */
  canShow(limit: number): boolean;
  /** How many samples would show it if the rates seen held on; null if they would not. */
  samplesFor(limit: number): number | null;
}

/** Beyond this nobody has as many. */
const MOST_SAMPLES = 1e6;
/** Samples below which the spread of an error between them is unknown. */
const LEAST_SAMPLES = 20;

/** From samples that were right before and are not after, and the reverse. */
export function pairedDrop(
  measure: 'accuracy' | 'agreement',
  lost: number,
  won: number,
  samples: number,
  error: number,
): Drop {
  const { lower, upper } = pairedBounds(lost, won, samples, error);
  const upperOf = (count: number): number => {
    const share = count / samples;
    return 100 * pairedBounds(Math.round(lost * share), Math.round(won * share), count, error).upper;
  };
  return {
    measure,
    points: (100 * (lost - won)) / samples,
    lower: 100 * lower,
    upper: 100 * upper,
    canShow: (limit) => 100 * pairedBounds(0, 0, samples, error).upper <= limit,
    samplesFor: (limit) => {
      for (let count = samples; count <= MOST_SAMPLES; count = Math.ceil(count * 1.1)) {
        if (upperOf(count) <= limit) return count;
      }
      return null;
    },
  };
}

/**
 * 100 × Σ part / Σ whole over the samples, with the ends that its linearised variance gives.
 * @param parts, wholes one each per sample; a part may be infinite
 */
export function ratioDrop(
  measure: 'decisions' | 'output-error',
  parts: readonly number[],
  wholes: readonly number[],
  error: number,
): Drop {
  const [part, whole, samples] = [sum(parts), sum(wholes), parts.length];
  const canShow = (): boolean => samples >= LEAST_SAMPLES;
  const drop = (points: number, reach: number): Drop => ({
    measure,
    points,
    lower: points - reach,
    upper: points + reach,
    canShow,
    samplesFor: (limit) => {
      const count = Math.max(LEAST_SAMPLES, Math.ceil(samples * (reach / (limit - points)) ** 2));
      return points < limit && count <= MOST_SAMPLES ? count : null;
    },
  });
  if (part === 0) return drop(0, 0);
  // Nothing to be relative to.
  if (!(part < Infinity) || whole === 0) return drop(Infinity, 0);
  const ratio = part / whole;
  const residuals = sum(parts.map((value, s) => (value - ratio * wholes[s]!) ** 2));
  const deviation = Math.sqrt((samples * residuals) / Math.max(1, samples - 1)) / whole;
  return drop(100 * ratio, 100 * normalQuantile(error) * deviation);
}

/** The same of the root of a ratio of squares. */
export function rootDrop(drop: Drop): Drop {
  const root = (percent: number): number => (percent > 0 ? 10 * Math.sqrt(percent) : 0);
  const square = (limit: number): number => limit ** 2 / 100;
  return {
    measure: drop.measure,
    points: root(drop.points),
    lower: root(drop.lower),
    upper: root(drop.upper),
    canShow: (limit) => drop.canShow(square(limit)),
    samplesFor: (limit) => drop.samplesFor(square(limit)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
