/** Data SPEC → data set. */
import { ArtifactError, UsageError } from '../errors.ts';
import type { MnistSplit } from './byte-records.ts';
import { openCifar10, openMnist } from './byte-records.ts';
import { parseDataSpec } from './data-spec.ts';
import type { DataTensor } from './data-tensor.ts';
import { formatShape } from './data-tensor.ts';
import type { DataTarget, LoadedDataset, Truth } from './dataset.ts';
import { pictureDataset, randomDataset, tensorDataset } from './dataset.ts';
import { openImageFolder } from './image-folder.ts';
import { parseNpy } from './npy.ts';
import { gunzipBounded, MAX_DATASET_BYTES, readBounded } from './read-file.ts';
import { parseTensorProto } from './tensor-proto.ts';

export interface DataOptions {
  /** Samples used at most: the first ones (of image folders, classes take turns). Default: all; 256 random ones. */
  readonly limit?: number;
  /** Part of MNIST where the SPEC does not say. Default: test. */
  readonly split?: MnistSplit;
  /** Class names of the model, by which image folders and labels may be called. */
  readonly classNames?: readonly string[];
}

/**
 * Loads the data set that a Data SPEC names, checked against the model's inputs. Bytes are preprocessed when a
 * sample is asked for, so a data set costs no more memory than its files.
 * @throws UsageError DATA_SPEC_INVALID; ArtifactError with the code of the format that is damaged or does not fit
 */
export async function loadDataset(
  spec: string,
  target: DataTarget,
  options: DataOptions = {},
): Promise<LoadedDataset> {
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  const parsed = parseDataSpec(spec);
  switch (parsed.kind) {
    case 'mnist':
      return pictureDataset(
        await openMnist(parsed.directory, parsed.split ?? options.split ?? 'test'),
        target,
        limit,
      );
    case 'cifar10':
      return pictureDataset(await openCifar10(parsed.file), target, limit);
    case 'images':
      return pictureDataset(
        await openImageFolder(parsed.directory, options.classNames ?? [], limit),
        target,
        limit,
      );
    case 'npy': {
      requireInputs(target, 1, spec);
      const tensor = parseNpy(await readData(parsed.values), parsed.values);
      const truth = parsed.labels === null ? null : readTruth(await readData(parsed.labels), parsed.labels);
      return tensorDataset([tensor], truth, spec, target, limit);
    }
    case 'pb': {
      const arity = target.inputs.length;
      if (parsed.files.length % arity !== 0) requireInputs(target, parsed.files.length, spec);
      const tensors: DataTensor[] = [];
      for (const file of parsed.files) tensors.push(parseTensorProto(await readData(file), file));
      const byInput = target.inputs.map((_, input) =>
        concatenate(
          tensors.filter((_tensor, file) => file % arity === input),
          spec,
        ),
      );
      return tensorDataset(byInput, null, spec, target, limit);
    }
    case 'random':
      return randomDataset(parsed.seed, target, limit);
  }
}

async function readData(path: string): Promise<Uint8Array> {
  return gunzipBounded(await readBounded(path, MAX_DATASET_BYTES, 'the data set'), MAX_DATASET_BYTES, path);
}

function requireInputs(target: DataTarget, given: number, spec: string): void {
  if (target.inputs.length === given) return;
  const names = target.inputs.map((input) => input.name).join(', ');
  throw new UsageError(
    'DATA_SPEC_INVALID',
    `${spec} feeds ${given} inputs, the model has ${target.inputs.length}: ${names}`,
    {
      hint: 'give pb:FILE,FILE,… with one file for each input, sample after sample',
    },
  );
}

/** Samples in files of their own become one array along a new or existing first axis. */
function concatenate(tensors: readonly DataTensor[], spec: string): DataTensor {
  const [first] = tensors;
  if (first === undefined || tensors.length === 1) return first!;
  for (const tensor of tensors) {
    const same = formatShape(tensor.shape) === formatShape(first.shape);
    if (!same || tensor.values.constructor !== first.values.constructor) {
      throw new ArtifactError(
        'INPUT_SHAPE_MISMATCH',
        `${spec}: shapes ${formatShape(first.shape)} and ${formatShape(tensor.shape)} in samples of one input, or different types`,
        { hint: 'all samples of an input need one shape and type' },
      );
    }
  }
  const size = first.values.length;
  const values =
    first.values instanceof Uint8Array
      ? new Uint8Array(size * tensors.length)
      : new Float64Array(size * tensors.length);
  tensors.forEach((tensor, i) => values.set(tensor.values, i * size));
  const [batch = 1, ...rest] = first.shape;
  return { shape: [batch * tensors.length, ...rest], type: first.type, values };
}

/** Class indices: integers ≥ 0, shape [n] or [n, 1]; or bytes of shape [n, height, width], also with an axis of 1 between. */
function readTruth(bytes: Uint8Array, where: string): Truth {
  const { shape, values } = parseNpy(bytes, where);
  const extents = shape.filter((extent, axis) => axis === 0 || extent !== 1);
  if (extents.length === 3 && values instanceof Uint8Array)
    return { kind: 'masks', masks: values, count: extents[0]! };
  const vector = shape.length === 1 || (shape.length === 2 && shape[1] === 1);
  const max = 2 ** 31 - 1;
  if (!vector || !values.every((value) => Number.isInteger(value) && value >= 0 && value <= max)) {
    throw new ArtifactError(
      'LABELS_INVALID',
      `${where} has shape ${formatShape(shape)}, expected [n] class indices (whole numbers from 0), or [n, height, width] masks of bytes`,
      { hint: 'use argmax for one-hot labels' },
    );
  }
  return { kind: 'labels', labels: Int32Array.from(values) };
}
