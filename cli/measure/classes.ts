/** Which class an output says, where it says one. */
import { isRefused } from './errors.ts';

/** Of an output that was refused: no label equals it, so that it counts as wrong. */
const NO_CLASS = -1;

/**
 * The class of one sample's output: the position of its largest score where the shape has exactly one axis longer
 * than 1, or the value itself of a model that ends in ArgMax. Otherwise null: the output is no classification.
 * @param shape of one sample's output
 * @param operators the client operators of the output, by name
 */
export function classOf(
  values: ArrayLike<number>,
  shape: readonly number[],
  operators: readonly string[],
): number | null {
  if (isRefused(values)) return NO_CLASS;
  if (operators.includes('ArgMax')) return values.length === 1 ? Math.round(values[0]!) : null;
  const scores = shape.filter((extent) => extent > 1);
  if (scores.length !== 1) return null;
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** Fraction of samples whose class is their label; null without labels or classes. */
export function accuracy(
  classes: readonly (number | null)[],
  labels: readonly (number | null)[],
): number | null {
  const judged = classes.flatMap((value, i) =>
    value === null || labels[i] == null ? [] : [value === labels[i]],
  );
  return judged.length === 0 ? null : judged.filter(Boolean).length / judged.length;
}

/** Fraction of samples on which both say the same class; null if the outputs are no classes. */
export function agreement(
  left: readonly (number | null)[],
  right: readonly (number | null)[],
): number | null {
  const judged = left.flatMap((value, i) => (value === null || right[i] == null ? [] : [value === right[i]]));
  return judged.length === 0 ? null : judged.filter(Boolean).length / judged.length;
}

/** More classes than this make no readable matrix. */
const MAX_CLASSES = 20;

/** counts[label][class]; null where either is missing throughout or there are too many. */
export function confusionMatrix(
  classes: readonly (number | null)[],
  labels: readonly (number | null)[],
  classCount: number,
): number[][] | null {
  if (classCount > MAX_CLASSES || accuracy(classes, labels) === null) return null;
  const counts = Array.from({ length: classCount }, () => new Array<number>(classCount).fill(0));
  classes.forEach((value, i) => {
    const row = counts[labels[i] ?? -1];
    if (row !== undefined && value !== null && value in row) row[value]!++;
  });
  return counts;
}
