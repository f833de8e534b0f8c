/** Whether a classifier is better than one that does not look at its input. */
import { exactBounds } from '../approx/paired-bounds.ts';

/** Of calling a model no better than guessing that is, on these samples, better by luck; one-sided. */
const ERROR = 0.025;

/** With fewer labels nothing can be told. */
const LEAST_SAMPLES = 10;

/**
 * What to say of a model whose accuracy is not shown to be above that of guessing: the larger of one in so many classes and the
 * share of the most frequent label. Null if it is, or if nothing can be told.
 * @param accuracy of the original model, on `samples` labelled inputs; null if unknown
 * @param labels of these inputs, or of more of the same data
 */
export function guessingWarning(
  accuracy: number | null,
  samples: number,
  classes: number,
  labels: Iterable<number | null>,
): string | null {
  if (accuracy === null || samples < LEAST_SAMPLES || classes < 2) return null;
  const chance = 1 / classes;
  const share = largestShare(labels);
  const { lower, upper } = exactBounds(Math.round(accuracy * samples), samples, ERROR);
  if (lower > Math.max(chance, share)) return null;
  const percent = (fraction: number): string => `${(100 * fraction).toFixed(1)} %`;
  const interval = `95 % interval ${percent(lower)} to ${percent(upper)} of ${samples}`;
  const right = `the original is right on ${percent(accuracy)} (${interval})`;
  return lower <= chance
    ? `${right}, like guessing among ${classes} classes: check --mean, --std, --pixel-scale, the order of channels and of labels`
    : `${right}, no more than always naming the most frequent class (${percent(share)}): check that labels and preprocessing are the model's`;
}

function largestShare(labels: Iterable<number | null>): number {
  const counts = new Map<number, number>();
  let total = 0;
  for (const label of labels) {
    if (label === null) continue;
    counts.set(label, (counts.get(label) ?? 0) + 1);
    total++;
  }
  return total === 0 ? 0 : Math.max(...counts.values()) / total;
}
