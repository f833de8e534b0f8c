/**
 * Looks at the calibration data through the original network before anything is fitted to it: samples that stand apart from all
 * others (see `robust-range.ts`) are left out, with a warning, and data that says nothing of ranges is refused.
 */
import { CompileError } from '../../errors.ts';
import { outlierWarning } from '../analysis/robust-range.ts';
import type { TensorGraph } from '../ir/tensor-graph.ts';
import type { CompileOptions, Dataset, Progress } from '../options.ts';
import {
  loadCalibration,
  perImage,
  unbatch,
  type CalibrationBatch,
} from './approximation/calibration-batch.ts';
import { calibrateRanges, rangeOverflow } from './calibrate-ranges.ts';

export interface ScreenedCalibration {
  /** With the calibration data that is left: of one image each, where the graph takes several along a pure batch axis. */
  readonly options: CompileOptions;
  readonly warnings: readonly string[];
}

/**
 * @throws CompileError CALIBRATION_DEGENERATE, INPUT_NOT_FINITE, DATASET_EMPTY, DATASET_MISMATCH, RANGE_OVERFLOW,
 *   REFERENCE_FAILED; BackendError CANCELLED
 */
export async function screenCalibration(
  graph: TensorGraph,
  options: CompileOptions,
  progress: Progress,
): Promise<ScreenedCalibration> {
  const { single, batchSize } = unbatch(graph);
  const perSample = perImage(options, single, batchSize);
  const { calibration } = perSample;
  if (calibration === null) return { options, warnings: [] };
  const batch = loadCalibration(single, perSample);
  requireFinite(batch, calibration);
  requireVariety(batch, calibration);
  const { outliers, overflow } = await calibrateRanges(single, batch.inputs, batch.samples, progress);
  // The model itself gives nothing there; a polynomial in its place would, and be right about nothing.
  if (overflow !== null) throw rangeOverflow(overflow, batch.samples - outliers.length);
  if (outliers.length === 0) return { options, warnings: [] };
  const what = 'stand apart from all others and are left out of every range and fit';
  const warning = outlierWarning(outliers, batch.samples, what, (s) => `sample ${batch.indices[s]!}`);
  return {
    options: {
      ...perSample,
      calibration: without(
        calibration,
        outliers.map(({ sample }) => batch.indices[sample]!),
      ),
    },
    warnings: [`${warning}; if they are right, give more inputs like them, else check their preprocessing`],
  };
}

function requireFinite({ inputs, samples, indices }: CalibrationBatch, { description }: Dataset): void {
  for (const [name, values] of inputs) {
    const broken = values.findIndex((value) => !Number.isFinite(value));
    if (broken < 0) continue;
    const sample = indices[Math.floor((broken * samples) / values.length)]!;
    throw new CompileError(
      'INPUT_NOT_FINITE',
      `input '${name}' holds NaN or infinity in calibration sample ${sample} of ${description}, which no ciphertext can hold`,
      { node: name, hint: 'replace missing and infinite values before encryption' },
    );
  }
}

/** From one input, or many times the same, nothing is known of what others give: every figure would be made up. */
function requireVariety({ inputs, samples }: CalibrationBatch, { description }: Dataset): void {
  const varies = [...inputs.values()].some((values) => {
    const size = values.length / samples;
    return values.some((value, i) => value !== values[i % size]!);
  });
  if (varies) return;
  throw new CompileError(
    'CALIBRATION_DEGENERATE',
    samples === 1
      ? `calibration data ${description} holds a single sample, from which neither ranges nor precision can be told`
      : `all ${samples} calibration samples of ${description} are equal, so neither ranges nor precision can be told from them`,
    {
      hint: 'give inputs as the model will see them, a hundred or more; without --calibration, random ones are used',
    },
  );
}

/** The data set without some of its samples, which keep the names that they have. */
function without(dataset: Dataset, left: readonly number[]): Dataset {
  const apart = new Set(left);
  const kept = Array.from({ length: dataset.size }, (_, index) => index).filter((index) => !apart.has(index));
  return {
    description: dataset.description,
    size: kept.length,
    sample: (index, input) => dataset.sample(kept[index]!, input),
    label: (index) => dataset.label(kept[index]!),
    origin: (index) => dataset.origin?.(kept[index]!) ?? kept[index]!,
    isPixels: (input) => dataset.isPixels?.(input) === true,
  };
}
