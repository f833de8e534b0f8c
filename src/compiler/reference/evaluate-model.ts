/** Runs a whole model in the clear over a data set: the yardstick of every accuracy figure. */
import { CompileError } from '../../errors.ts';
import type { Shape, TensorGraph } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import type { Dataset, Progress } from '../options.ts';
import { throwIfCancelled } from './cancellation.ts';
import { BATCH, OnnxRunner } from './onnx-runner.ts';
import { Session } from './session.ts';
import type { Feed, SessionInput } from './session.ts';

export interface EvaluationOptions {
  /** Only the first `limit` samples. */
  readonly limit?: number;
  readonly progress?: Progress;
  /** Which output to return, by name. Default: the first. */
  readonly output?: string;
  /** Shapes of the inputs for one sample, by which several free dimensions are told apart. */
  readonly inputShapes?: readonly Shape[];
}

export interface ModelOutputs {
  /** The output of every sample, [samples × elements]. */
  readonly outputs: Float32Array;
  /** Shape for one sample. */
  readonly shape: Shape;
}

/**
 * @param model an ONNX file (its free dimensions other than the batch must follow from the samples), or a graph
 * @throws CompileError REFERENCE_FAILED or DATASET_MISMATCH; BackendError CANCELLED
 */
export async function evaluateModel(
  model: Uint8Array | TensorGraph,
  dataset: Dataset,
  options: EvaluationOptions = {},
): Promise<ModelOutputs> {
  return model instanceof Uint8Array
    ? evaluateFile(model, dataset, options)
    : evaluateGraph(model, dataset, options);
}

function sampleCount(dataset: Dataset, { limit }: EvaluationOptions): number {
  return Math.min(limit ?? dataset.size, dataset.size);
}

async function evaluateGraph(
  graph: TensorGraph,
  dataset: Dataset,
  options: EvaluationOptions,
): Promise<ModelOutputs> {
  const samples = sampleCount(dataset, options);
  const output = outputIndex(graph.outputs, options);
  await using runner = await OnnxRunner.open(graph);
  const parts: Float32Array[] = [];
  for (let start = 0; start < samples; start += BATCH) {
    const count = Math.min(BATCH, samples - start);
    const inputs = graph.inputs.map((_, input) => gather(dataset, input, start, count));
    parts.push((await runner.run(inputs, count, undefined, options.progress?.signal))[output]!);
    options.progress?.report('evaluate', (start + count) / samples);
  }
  return { outputs: concatenate(parts), shape: shapeOf(graph, graph.outputs[output]!) };
}

async function evaluateFile(
  model: Uint8Array,
  dataset: Dataset,
  options: EvaluationOptions,
): Promise<ModelOutputs> {
  const samples = sampleCount(dataset, options);
  await using session = await Session.open(model, 'the model');
  const name = session.outputNames[outputIndex(session.outputNames, options)]!;
  const fixed = fixedBatch(session.inputs, options);
  let batch = fixed ?? (session.inputs.every((input) => !isFixed(input.shape[0])) ? BATCH : 1);
  const parts: Float32Array[] = [];
  let shape: Shape = [];
  for (let start = 0; start < samples;) {
    throwIfCancelled(options.progress?.signal);
    const count = Math.min(batch, samples - start);
    const fed = fixed ?? count;
    const feeds = new Map<string, Feed>();
    for (const [index, input] of session.inputs.entries()) {
      const data = gather(dataset, index, start, count, fed);
      const dims = resolveShape(input, fed, data.length, options.inputShapes?.[index]);
      feeds.set(input.name, { data, dims });
    }
    const output = (await session.run(feeds)).get(name)!;
    const rows = (output.dims[0] ?? 0) / fed;
    // The first axis of the output is no batch axis: one sample after the other.
    if (fed > 1 && fixed === null && !(rows >= 1 && Number.isInteger(rows))) {
      batch = 1;
      continue;
    }
    parts.push(Float32Array.from(output.data.subarray(0, (output.data.length / fed) * count)));
    shape = fed === 1 ? output.dims : [rows, ...output.dims.slice(1)];
    start += count;
    options.progress?.report('evaluate', start / samples);
  }
  return { outputs: concatenate(parts), shape };
}

function outputIndex(names: readonly string[], { output }: EvaluationOptions): number {
  if (output === undefined) return 0;
  const index = names.indexOf(output);
  if (index >= 0) return index;
  throw new CompileError(
    'DATASET_MISMATCH',
    `the model has no output '${output}', only ${names.join(', ')}`,
    {
      hint: 'give the ONNX file that the artifact was compiled from',
    },
  );
}

/** Samples that a file takes at once because its batch axis says so; null where that is free, or one sample fills it. */
function fixedBatch(inputs: readonly SessionInput[], { inputShapes }: EvaluationOptions): number | null {
  const batches = new Set(
    inputs.map(({ shape: [size] }, index) =>
      isFixed(size) ? size / (inputShapes?.[index]?.[0] ?? size) : 1,
    ),
  );
  const [batch] = batches;
  return batches.size === 1 && batch !== undefined && Number.isInteger(batch) && batch > 1 ? batch : null;
}

function isFixed(size: number | string | undefined): size is number {
  return typeof size === 'number' && size > 0;
}

/** Fills in the batch size and, if the sample's shape is not known, at most one further free dimension. */
function resolveShape(
  input: SessionInput,
  count: number,
  elements: number,
  sample: Shape | undefined,
): number[] {
  const given = sample?.length === input.shape.length ? sample : undefined;
  const dims = input.shape.map((size, axis) =>
    isFixed(size) ? size : axis === 0 ? count * (given?.[0] ?? 1) : (given?.[axis] ?? 0),
  );
  const known = dims.reduce((product, size) => product * (size === 0 ? 1 : size), 1);
  const free = dims.filter((size) => size === 0).length;
  if (free > 1 || (free === 0 ? known !== elements : elements % known !== 0)) {
    throw new CompileError(
      'DATASET_MISMATCH',
      `samples of ${elements / count} values do not fit input ${input.name} of shape [${input.shape.join(', ')}]`,
      { node: input.name, hint: 'check the data set and its preprocessing' },
    );
  }
  return dims.map((size) => (size === 0 ? elements / known : size));
}

/** @param fed samples to return: after the last one it is repeated */
function gather(dataset: Dataset, input: number, start: number, count: number, fed = count): Float32Array {
  return concatenate(
    Array.from({ length: fed }, (_, i) => dataset.sample(start + Math.min(i, count - 1), input)),
  );
}

export function concatenate(parts: readonly Float32Array[]): Float32Array {
  const result = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}
