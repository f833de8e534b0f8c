/** The inputs that approximation is fitted to and judged by, in memory. */
import { CompileError } from '../../../errors.ts';
import { encryptedInputs, elementsOf } from '../../reference/onnx-runner.ts';
import type { Shape, TensorGraph } from '../../ir/tensor-graph.ts';
import { shapeOf } from '../../ir/tensor-graph.ts';
import { isBatchable } from '../../onnx/batchable.ts';
import type { CompileOptions, Dataset } from '../../options.ts';
import { lastUses } from '../calibrate-ranges.ts';
import { Random } from '../../random.ts';

/** Samples that go through the fit, activation by activation; of these, a third and at most so many are held out. */
const MAX_FITTED = 6000;
const MAX_HELD_OUT = 2000;
/** Fewer go through the fit of a deep network, which takes as long as all tensors of all of them: elements, and samples at the least. */
const FITTED_ELEMENTS = 3e9;
const LEAST_FITTED = 1500;
/** Samples held out beyond these, at most, and elements of all tensors that judging one approximation by them may take. */
const MAX_RESERVE = 8000;
const RESERVE_ELEMENTS = 1.2e9;
/** Samples read at a time. */
const READ_AT_ONCE = 256;
/** Without calibration data: random inputs can only set ranges, so a few suffice. */
const RANDOM_SAMPLES = 768;
/** Bytes of activations kept alive at once. */
const MEMORY_BUDGET = 4.5e9;

export interface CalibrationBatch {
  readonly samples: number;
  /** Samples 0 … fit − 1 are fitted to, the others held out. */
  readonly fit: number;
  /** Per graph input, [samples × elements]. */
  readonly inputs: ReadonlyMap<string, Float32Array>;
  /** Class of every sample, or null if some have none. */
  readonly labels: Int32Array | null;
  /** Of every sample, its index in the data set; without calibration data, in the batch. */
  readonly indices: Int32Array;
  /** Further held-out samples, which only judge results: as many as there are, read when asked for. */
  readonly reserve: Reserve;
  readonly warnings: readonly string[];
}

export interface Reserve {
  readonly samples: number;
  readonly labels: Int32Array | null;
  /** Values of every graph input, [samples × elements], part by part. */
  parts(): Iterable<{ readonly samples: number; readonly inputs: readonly Float32Array[] }>;
}

const NO_RESERVE: Reserve = { samples: 0, labels: null, parts: () => [] };

/**
 * Chooses and loads the samples, deterministically by `options.seed`: two thirds to fit, one third held out, and what is left
 * in reserve.
 * @throws CompileError DATASET_MISMATCH if the samples do not have the shape of the graph's inputs
 */
export function loadCalibration(graph: TensorGraph, options: CompileOptions): CalibrationBatch {
  const warnings: string[] = [];
  const dataset = options.calibration;
  const wanted = Math.min(Math.max(2, options.samples), dataset?.size ?? RANDOM_SAMPLES);
  const affordable = Math.max(2, Math.floor(MEMORY_BUDGET / (peakElements(graph) * 8)));
  const most = Math.min(
    MAX_FITTED,
    Math.max(LEAST_FITTED, Math.floor(FITTED_ELEMENTS / totalElements(graph))),
  );
  const fitted = wanted > MAX_FITTED + MAX_RESERVE ? wanted - MAX_RESERVE : Math.min(wanted, most);
  const samples = Math.min(fitted, affordable);
  if (samples < fitted) {
    warnings.push(
      `only ${samples} of ${fitted} calibration samples are used: more would need too much memory`,
    );
  }
  const random = new Random(options.seed);
  const held = samples < 2 ? 0 : Math.min(MAX_HELD_OUT, Math.max(1, Math.floor(samples / 3)));
  const fit = samples - held;
  if (dataset === null) {
    warnings.push(
      'no calibration data: activations are fitted to uniformly random inputs, so accuracy on real data is unknown; ' +
        'pass calibration data',
    );
    const inputs = randomInputs(graph, options, samples, random);
    return {
      samples,
      fit,
      inputs,
      labels: null,
      indices: Int32Array.from({ length: samples }, (_, s) => s),
      reserve: NO_RESERVE,
      warnings,
    };
  }
  if (dataset.size === 0)
    throw new CompileError('DATASET_EMPTY', `calibration data ${dataset.description} is empty`);
  const reserved = Math.min(
    wanted - samples,
    MAX_RESERVE,
    Math.floor(RESERVE_ELEMENTS / totalElements(graph)),
  );
  const chosen = random.permutation(dataset.size);
  const indices = chosen.slice(0, samples);
  const inputs = readSamples(graph, dataset, indices);
  if (samples < 300) warnings.push(`only ${samples} calibration samples: the fit and its figures are rough`);
  const kept = chosen.subarray(samples, samples + reserved);
  return {
    samples,
    fit,
    inputs,
    labels: labelsOf(dataset, indices),
    indices,
    reserve: {
      samples: reserved,
      labels: labelsOf(dataset, kept),
      *parts() {
        for (let start = 0; start < reserved; start += READ_AT_ONCE) {
          const part = kept.subarray(start, start + READ_AT_ONCE);
          const values = readSamples(graph, dataset, part);
          yield { samples: part.length, inputs: graph.inputs.map((name) => values.get(name)!) };
        }
      },
    },
    warnings,
  };
}

/** A part of a batch, for a first look: so many samples, as many of them held out as in the whole. */
export function partOf(batch: CalibrationBatch, graph: TensorGraph, samples: number): CalibrationBatch {
  if (batch.samples <= samples) return batch;
  const fit = Math.round((samples * batch.fit) / batch.samples);
  const pick = <T extends Float32Array | Int32Array>(values: T, size: number): T => {
    const part = values.slice(0, samples * size) as T;
    part.set(values.subarray(batch.fit * size, (batch.fit + samples - fit) * size), fit * size);
    return part;
  };
  return {
    ...batch,
    samples,
    fit,
    inputs: new Map([...batch.inputs].map(([name, values]) => [name, pick(values, elementsOf(graph, name))])),
    labels: batch.labels === null ? null : pick(batch.labels, 1),
    indices: pick(batch.indices, 1),
    reserve: NO_RESERVE,
  };
}

/** Values of every graph input, [samples × elements]. */
function readSamples(graph: TensorGraph, dataset: Dataset, indices: Int32Array): Map<string, Float32Array> {
  const inputs = new Map<string, Float32Array>();
  for (const [position, name] of graph.inputs.entries()) {
    const size = elementsOf(graph, name);
    const values = new Float32Array(indices.length * size);
    for (const [s, index] of indices.entries()) {
      const sample = dataset.sample(index, position);
      if (sample.length !== size) {
        throw new CompileError(
          'DATASET_MISMATCH',
          `samples of ${dataset.description} have ${sample.length} values, input ${name} has ${size}`,
          { node: name, hint: 'check the calibration data and its preprocessing' },
        );
      }
      values.set(sample, s * size);
    }
    inputs.set(name, values);
  }
  return inputs;
}

/** Class of every sample, or null if some have none. */
function labelsOf(dataset: Dataset, indices: Int32Array): Int32Array | null {
  const labels = Array.from(indices, (index) => dataset.label(index));
  return labels.every((label) => label !== null) ? Int32Array.from(labels) : null;
}

/**
 * A few of the calibration inputs (a part of those that `loadCalibration` chooses), or random ones without calibration
 * data: values of every graph input. Where the graph takes several images at once, each entry holds as many.
 */
export function calibrationInputs(
  graph: TensorGraph,
  options: CompileOptions,
  count: number,
): (readonly Float64Array[])[] {
  const { single, batchSize } = unbatch(graph);
  const perSample = perImage(options, single, batchSize);
  const { samples, inputs } = loadCalibration(single, { ...perSample, samples: count * batchSize });
  return Array.from({ length: Math.ceil(samples / batchSize) }, (_, entry) =>
    graph.inputs.map((name) => {
      const size = elementsOf(single, name);
      const values = new Float64Array(batchSize * size);
      for (let k = 0; k < batchSize; k++) {
        const sample = (entry * batchSize + k) % samples;
        values.set(inputs.get(name)!.subarray(sample * size, (sample + 1) * size), k * size);
      }
      return values;
    }),
  );
}

/** Of `calibrationInputs`, those that hold none of the outliers (places among the samples that `loadCalibration` chooses). */
export function withoutOutliers<T>(
  entries: readonly T[],
  graph: TensorGraph,
  outliers: ReadonlySet<number>,
): readonly T[] {
  if (outliers.size === 0) return entries;
  const { batchSize } = unbatch(graph);
  const kept = entries.filter((_, entry) =>
    Array.from({ length: batchSize }, (_, k) => entry * batchSize + k).every((s) => !outliers.has(s)),
  );
  // A batch with an outlier in each entry is measured with them.
  return kept.length > 0 ? kept : entries;
}

/**
 * Data sets whose samples are whole batches of a model with a fixed batch axis, as samples of one image each; others as they
 * are.
 */
export function perImage(options: CompileOptions, single: TensorGraph, batchSize: number): CompileOptions {
  const { calibration } = options;
  if (calibration === null || batchSize === 1 || calibration.size === 0) return options;
  const sizes = single.inputs.map((name) => elementsOf(single, name));
  if (!sizes.every((size, input) => calibration.sample(0, input).length === size * batchSize)) return options;
  return {
    ...options,
    calibration: {
      description: calibration.description,
      size: calibration.size * batchSize,
      sample: (index, input) => {
        const size = sizes[input]!;
        const image = index % batchSize;
        return calibration
          .sample(Math.floor(index / batchSize), input)
          .subarray(image * size, (image + 1) * size);
      },
      label: () => null,
      isPixels: (input) => calibration.isPixels?.(input) === true,
    },
  };
}

/** The same graph for one image, where it takes several along a pure batch axis. */
export function unbatch(graph: TensorGraph): { readonly single: TensorGraph; readonly batchSize: number } {
  const batchSize = graph.inputs.length === 0 ? 1 : (shapeOf(graph, graph.inputs[0]!)[0] ?? 1);
  if (batchSize === 1 || !isBatchable(graph)) return { single: graph, batchSize: 1 };
  return { single: withBatchSize(graph, 1), batchSize };
}

/** Sets the first dimension of every tensor that is not constant. */
export function withBatchSize(graph: TensorGraph, size: number): TensorGraph {
  const resized = ([name, shape]: readonly [string, Shape]): [string, Shape] =>
    graph.constants.has(name) ? [name, shape] : [name, [size, ...shape.slice(1)]];
  return { ...graph, shapes: new Map([...graph.shapes].map(resized)) };
}

/** Pixels uniform over 0 … 255, through the preprocessing; axis 1 is the channel. */
function randomInputs(
  graph: TensorGraph,
  { preprocessing: { pixelScale, mean, std } }: CompileOptions,
  samples: number,
  random: Random,
): Map<string, Float32Array> {
  const inputs = new Map<string, Float32Array>();
  for (const name of graph.inputs) {
    const shape = shapeOf(graph, name);
    const size = elementsOf(graph, name);
    const inner = shape.slice(2).reduce((product, dim) => product * dim, 1);
    const values = new Float32Array(samples * size);
    for (let i = 0; i < values.length; i++) {
      const channel = Math.floor(i / inner) % (shape[1] ?? 1);
      const shift = mean[channel] ?? mean[0] ?? 0;
      values[i] = (random.next() * 255 * pixelScale - shift) / (std[channel] ?? std[0] ?? 1);
    }
    inputs.set(name, values);
  }
  return inputs;
}

/** Elements of all tensors for one sample. */
function totalElements(graph: TensorGraph): number {
  return graph.nodes
    .flatMap((node) => node.outputs.filter((output) => output !== ''))
    .reduce((sum, output) => sum + elementsOf(graph, output), 1);
}

/** Elements of all tensors alive at once, at most, for one sample. */
function peakElements(graph: TensorGraph): number {
  const lastUse = lastUses(graph);
  let alive = graph.inputs.reduce((sum, name) => sum + elementsOf(graph, name), 0);
  let peak = alive;
  for (const [index, node] of graph.nodes.entries()) {
    for (const output of node.outputs) if (output !== '') alive += elementsOf(graph, output);
    peak = Math.max(peak, alive);
    for (const input of encryptedInputs(graph, node)) {
      if (lastUse.get(input) === index) alive -= elementsOf(graph, input);
    }
  }
  return peak;
}
