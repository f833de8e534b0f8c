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
}

export interface ModelOutputs {
  /** First output of every sample, [samples × elements]. */
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
  const samples = Math.min(options.limit ?? dataset.size, dataset.size);
  const report = (fraction: number): void => options.progress?.report('evaluate', fraction);
  return model instanceof Uint8Array
    ? evaluateFile(model, dataset, samples, report, options.progress?.signal)
    : evaluateGraph(model, dataset, samples, report, options.progress?.signal);
}

async function evaluateGraph(
  graph: TensorGraph,
  dataset: Dataset,
  samples: number,
  report: (fraction: number) => void,
  signal: AbortSignal | undefined,
): Promise<ModelOutputs> {
  await using runner = await OnnxRunner.open(graph);
  const parts: Float32Array[] = [];
  for (let start = 0; start < samples; start += BATCH) {
    const count = Math.min(BATCH, samples - start);
    const inputs = graph.inputs.map((_, input) => gather(dataset, input, start, count));
    parts.push((await runner.run(inputs, count, undefined, signal))[0]!);
    report((start + count) / samples);
  }
  return { outputs: concatenate(parts), shape: shapeOf(graph, graph.outputs[0]!) };
}

async function evaluateFile(
  model: Uint8Array,
  dataset: Dataset,
  samples: number,
  report: (fraction: number) => void,
  signal: AbortSignal | undefined,
): Promise<ModelOutputs> {
  await using session = await Session.open(model, 'the model');
  const batch = session.inputs.every((input) => !isFixed(input.shape[0])) ? BATCH : 1;
  const parts: Float32Array[] = [];
  let shape: Shape = [];
  for (let start = 0; start < samples; start += batch) {
    throwIfCancelled(signal);
    const count = Math.min(batch, samples - start);
    const feeds = new Map<string, Feed>();
    for (const [index, input] of session.inputs.entries()) {
      const data = gather(dataset, index, start, count);
      feeds.set(input.name, { data, dims: resolveShape(input, count, data.length) });
    }
    const output = (await session.run(feeds)).get(session.outputNames[0]!)!;
    parts.push(Float32Array.from(output.data));
    shape = batch === 1 ? output.dims : [1, ...output.dims.slice(1)];
    report((start + count) / samples);
  }
  return { outputs: concatenate(parts), shape };
}

function isFixed(size: number | string | undefined): size is number {
  return typeof size === 'number' && size > 0;
}

/** Fills in the batch size and at most one further free dimension. */
function resolveShape(input: SessionInput, count: number, elements: number): number[] {
  const dims = input.shape.map((size, axis) => (isFixed(size) ? size : axis === 0 ? count : 0));
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

function gather(dataset: Dataset, input: number, start: number, count: number): Float32Array {
  return concatenate(Array.from({ length: count }, (_, i) => dataset.sample(start + i, input)));
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const result = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}
