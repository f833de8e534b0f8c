/** Compares the approximated model with the original one on the held-out samples. */
import type { ApproximationQuality } from '../../../program/artifact.ts';
import type { Shape, TensorGraph } from '../../ir/tensor-graph.ts';
import { shapeOf } from '../../ir/tensor-graph.ts';

/** How much worse the approximated model is, on a scale that can be held against `maxAccuracyDrop`. */
export interface Drop {
  readonly measure: 'accuracy' | 'agreement' | 'output-error';
  /** Percentage points, or 10 × the relative root-mean-square error in percent points of the output. */
  readonly points: number;
  /** Standard error of `points`, from discordant pairs; 0 for output errors. */
  readonly standardError: number;
}

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

/**
 * Relative RMS output error that counts as one percentage point where there are no classes: 0.1, so that the default
 * limit of half a point allows 5 % of the output's own RMS.
 */
const RELATIVE_ERROR_PER_POINT = 0.1;

/** Outputs this many times larger than any of the original model's are no approximations of them. */
const BEYOND_MEASURE = 1000;

/** Class scores: one output, one axis of more than one entry. */
export function hasClassScores(graph: TensorGraph): boolean {
  return graph.outputs.length === 1 && isVector(shapeOf(graph, graph.outputs[0]!));
}

function isVector(shape: Shape): boolean {
  return shape.filter((size) => size > 1).length === 1;
}

/**
 * @param original per output, [samples × elements] of the original model; `approximated` likewise
 * @param labels class per sample, or null
 */
export function compareOutputs(
  original: readonly Float32Array[],
  approximated: readonly Float32Array[],
  samples: number,
  labels: Int32Array | null,
  classScores: boolean,
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
  if (!classScores) {
    const relative = base.rmsOutput > 0 ? base.rmsOutputError / base.rmsOutput : base.rmsOutputError;
    return {
      quality: { ...base, originalAccuracy: null, polynomialAccuracy: null, agreement: null },
      drop: {
        measure: 'output-error',
        points: overflows === 0 ? relative / RELATIVE_ERROR_PER_POINT : Infinity,
        standardError: 0,
      },
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
    drop: {
      measure: labels === null ? 'agreement' : 'accuracy',
      points: (100 * (lost - won)) / samples,
      // Variance of a paired difference (McNemar): the pairs that agree do not contribute.
      standardError: (100 * Math.sqrt(lost + won - (lost - won) ** 2 / samples)) / samples,
    },
    overflows,
    largestOutput,
  };
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
    let best = 0;
    for (let k = 1; k < scores.length; k++) if (scores[k]! > scores[best]!) best = k;
    return best;
  });
}
