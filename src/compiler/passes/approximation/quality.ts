/** Compares the approximated model with the original one on the held-out samples. */
import type { ApproximationQuality } from '../../../program/artifact.ts';
import type { Drop } from './drop.ts';
import { DEFAULT_ERROR, pairedDrop, ratioDrop, rootDrop } from './drop.ts';
import type { OutputReading } from './output-reading.ts';

export interface Comparison {
  readonly quality: ApproximationQuality;
  readonly drop: Drop;
  /**
   * Samples whose approximated output is not finite or beyond all measure: a value left its polynomial's range and the
   * next layers amplified it. Under encryption, where values of that size wrap around, nothing is left of their
   * outputs. They count as wrong, and are left out of the output errors.
   */
  readonly overflows: number;
  /** Largest |output| of the original model: what the largest error is relative to. */
  readonly largestOutput: number;
}

/** Outputs this many times larger than any of the original model's are no approximations of them. */
const BEYOND_MEASURE = 1000;

/**
 * @param original per output, [samples × elements] of the original model; `approximated` likewise
 * @param labels class per sample, or null
 * @param error probability that the drop lies above its upper end (and likewise below its lower one)
 */
export function compareOutputs(
  original: readonly Float32Array[],
  approximated: readonly Float32Array[],
  samples: number,
  labels: Int32Array | null,
  reading: OutputReading,
  error = DEFAULT_ERROR,
): Comparison {
  const largestOutput = original.reduce(
    (largest, values) => values.reduce((max, value) => Math.max(max, Math.abs(value)), largest),
    0,
  );
  const limit = largestOutput === 0 ? Number.MAX_VALUE : BEYOND_MEASURE * largestOutput;
  const sane = Array.from({ length: samples }, (_, s) =>
    // Written so that NaN fails.
    approximated.every((values) => sampleOf(values, s, samples).every((value) => Math.abs(value) <= limit)),
  );
  const overflows = sane.filter((isSane) => !isSane).length;
  const base = { samples, ...outputErrors(original, approximated, sane) };
  if (reading.kind !== 'classes') {
    const drop =
      reading.kind === 'decisions'
        ? changedDecisions(original[0]!, approximated[0]!, sane, reading, error)
        : outputError(original, approximated, sane, error);
    return {
      quality: { ...base, originalAccuracy: null, polynomialAccuracy: null, agreement: null },
      drop,
      overflows,
      largestOutput,
    };
  }
  const before = argMaxima(original[0]!, samples);
  const after = argMaxima(approximated[0]!, samples).map((best, s) => (sane[s]! ? best : NO_CLASS));
  let agree = 0;
  let [rightBefore, rightAfter, lost, won] = [0, 0, 0, 0];
  for (let s = 0; s < samples; s++) {
    if (before[s] === after[s]) agree++;
    if (labels === null) continue;
    const was = before[s] === labels[s];
    const is = after[s] === labels[s];
    if (was) rightBefore++;
    if (is) rightAfter++;
    if (was && !is) lost++;
    if (is && !was) won++;
  }
  if (labels === null) lost = samples - agree;
  return {
    quality: {
      ...base,
      originalAccuracy: labels === null ? null : rightBefore / samples,
      polynomialAccuracy: labels === null ? null : rightAfter / samples,
      agreement: agree / samples,
    },
    drop: pairedDrop(labels === null ? 'agreement' : 'accuracy', lost, won, samples, error),
    overflows,
    largestOutput,
  };
}

/** Decisions that differ, of those that are more than background in either map. */
function changedDecisions(
  original: Float32Array,
  approximated: Float32Array,
  sane: readonly boolean[],
  { channels, positions }: Extract<OutputReading, { kind: 'decisions' }>,
  error: number,
): Drop {
  const decide = (values: Float32Array, start: number): number => {
    if (channels === 1) return values[start]! > 0 ? 1 : 0;
    let best = 0;
    for (let c = 1; c < channels; c++)
      if (values[start + c * positions]! > values[start + best * positions]!) best = c;
    return best;
  };
  const size = channels * positions;
  const changed = sane.map(() => 0);
  const either = sane.map(() => 0);
  for (const [sample, isSane] of sane.entries()) {
    for (let i = sample * size; i < sample * size + positions; i++) {
      const before = decide(original, i);
      // Nothing is left of the outputs of an overflow.
      const after = isSane ? decide(approximated, i) : NO_CLASS;
      if (before !== after) changed[sample]!++;
      if (before > 0 || after !== 0) either[sample]!++;
    }
  }
  return ratioDrop('decisions', changed, either, error);
}

function outputError(
  original: readonly Float32Array[],
  approximated: readonly Float32Array[],
  sane: readonly boolean[],
  error: number,
): Drop {
  const spread = sane.map(() => 0);
  const squares = sane.map((isSane) => (isSane ? 0 : Infinity));
  for (const [i, values] of original.entries()) {
    const means = elementMeans(values, sane.length);
    const size = means.length;
    // Outputs of several units count alike.
    const variance = values.reduce((sum, value, k) => sum + (value - means[k % size]!) ** 2, 0);
    const weight = variance > 0 ? 1 / variance : 1;
    for (const [k, value] of values.entries()) {
      const sample = Math.floor(k / size);
      spread[sample]! += weight * (value - means[k % size]!) ** 2;
      if (sane[sample]!) squares[sample]! += weight * (approximated[i]![k]! - value) ** 2;
    }
  }
  return rootDrop(ratioDrop('output-error', squares, spread, error));
}

/** Samples below which elements have no mean of their own. */
const LEAST_FOR_MEANS = 20;

/** What each element varies about: its own mean, or that of all where there are too few samples. */
function elementMeans(values: Float32Array, samples: number): Float64Array {
  const size = values.length / samples;
  const means = new Float64Array(size);
  for (const [k, value] of values.entries()) means[k % size]! += value / samples;
  if (samples >= LEAST_FOR_MEANS) return means;
  return means.fill(means.reduce((sum, mean) => sum + mean, 0) / size);
}

function outputErrors(
  original: readonly Float32Array[],
  approximated: readonly Float32Array[],
  included: readonly boolean[],
): Pick<ApproximationQuality, 'rmsOutputError' | 'maxOutputError' | 'rmsOutput'> {
  let [squares, errors, largest, count] = [0, 0, 0, 0];
  for (const [i, values] of original.entries()) {
    const size = values.length / included.length;
    for (let k = 0; k < values.length; k++) {
      if (!included[Math.floor(k / size)]!) continue;
      const error = approximated[i]![k]! - values[k]!;
      squares += values[k]! * values[k]!;
      errors += error * error;
      largest = Math.max(largest, Math.abs(error));
      count++;
    }
  }
  return {
    rmsOutputError: Math.sqrt(errors / Math.max(count, 1)),
    maxOutputError: largest,
    rmsOutput: Math.sqrt(squares / Math.max(count, 1)),
  };
}

function sampleOf(values: Float32Array, sample: number, samples: number): Float32Array {
  const size = values.length / samples;
  return values.subarray(sample * size, (sample + 1) * size);
}

/** Which no label equals. */
const NO_CLASS = -1;

/** Class of every sample; none where a score is not finite. */
function argMaxima(outputs: Float32Array, samples: number): Int32Array {
  return Int32Array.from({ length: samples }, (_, s) => {
    const scores = sampleOf(outputs, s, samples);
    if (!scores.every(Number.isFinite)) return NO_CLASS;
    if (scores.length === 1) return scores[0]! > 0 ? 1 : 0;
    let best = 0;
    for (let k = 1; k < scores.length; k++) if (scores[k]! > scores[best]!) best = k;
    return best;
  });
}
