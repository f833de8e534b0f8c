/** Data sets made of pictures, of arrays or of random bytes, all behind the compiler's `Dataset`. */
import type { Dataset } from '../compiler/options.ts';
import { ArtifactError, InternalError, UsageError } from '../errors.ts';
import type { Preprocessing } from '../program/signature.ts';
import type { DataTensor } from './data-tensor.ts';
import { formatShape, isPixels } from './data-tensor.ts';
import type { Picture } from './picture.ts';
import { conversionNote, fitPicture, pictureTarget, targetChannels } from './picture.ts';
import { pixelTables, preprocessPixels } from './preprocess.ts';

/** One graph input, as one sample sees it: the batch axis is 1. */
export interface InputDescription {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What data are loaded for. */
export interface DataTarget {
  readonly inputs: readonly InputDescription[];
  readonly preprocessing: Preprocessing;
}

/** Pictures as a file format yields them; labels are class indices. */
export interface PictureSource {
  readonly description: string;
  readonly size: number;
  picture(index: number): Picture;
  label(index: number): number | null;
  /** For messages. */
  nameOf(index: number): string;
}

/** A data set that also gives its pictures back, for reports. */
export interface LoadedDataset extends Dataset {
  /** The bytes behind the sample, or null if the data are no pictures. */
  picture(index: number): Picture | null;
  /** What each pixel is, row by row, where that is known: a class index, or anything but 0 for the foreground. */
  mask?(index: number): Uint8Array;
}

/** What is known of an array's samples: a class index each, or a map of as many classes as pixels. */
export type Truth =
  | { readonly kind: 'labels'; readonly labels: Int32Array }
  | { readonly kind: 'masks'; readonly masks: Uint8Array; readonly count: number };

/** @throws ArtifactError INPUT_SHAPE_MISMATCH, DATA_EMPTY, PREPROCESSING_INVALID; UsageError DATA_SPEC_INVALID */
export function pictureDataset(source: PictureSource, target: DataTarget, limit: number): LoadedDataset {
  const [input, ...others] = target.inputs;
  if (input === undefined) throw new InternalError('a model without inputs');
  if (others.length > 0) {
    throw new UsageError(
      'DATA_SPEC_INVALID',
      `${source.description} feeds one input, the model has ${target.inputs.length}: ${target.inputs.map((i) => i.name).join(', ')}`,
      { hint: 'use pb:FILE,FILE,… with one file per input' },
    );
  }
  const size = requireSamples(source.size, limit, source.description);
  const fit = pictureTarget(input.shape, input.name);
  const first = source.picture(0);
  fitPicture(first, fit, source.nameOf(0));
  const channels = targetChannels(fit, first);
  const tables = pixelTables(target.preprocessing, channels);
  const note = conversionNote(first, channels);
  const fitted = (index: number): Picture => fitPicture(source.picture(index), fit, source.nameOf(index));
  return {
    description: `${source.description}, ${size} samples${note === null ? '' : `, ${note}`}`,
    size,
    sample: (index) => preprocessPixels(fitted(index).pixels, channels, tables),
    label: (index) => source.label(index),
    picture: fitted,
    isPixels: () => true,
  };
}

/**
 * One array per graph input, all with the same number of samples along axis 0. An array may have the input's shape
 * (one sample), or [n, ...shape], or n samples laid one after the other along the input's batch axis.
 */
export function tensorDataset(
  tensors: readonly DataTensor[],
  truth: Truth | null,
  description: string,
  target: DataTarget,
  limit: number,
): LoadedDataset {
  const counts = tensors.map((tensor, i) => sampleCount(tensor, target.inputs[i]!, description));
  const total = counts[0] ?? 0;
  if (counts.some((count) => count !== total)) {
    throw new ArtifactError(
      'INPUT_SHAPE_MISMATCH',
      `${description}: the inputs have ${counts.join(', ')} samples`,
      {
        hint: 'give the same number of samples for every input',
      },
    );
  }
  const known = truth === null ? total : truth.kind === 'labels' ? truth.labels.length : truth.count;
  if (known !== total) {
    throw new ArtifactError(
      'LABELS_INVALID',
      `${description}: ${known} ${truth?.kind ?? 'labels'} for ${total} samples`,
      {
        hint: 'give one label, or one mask, for each sample',
      },
    );
  }
  const size = requireSamples(total, limit, description);
  const readers = tensors.map((tensor, i) => tensorReader(tensor, target.inputs[i]!, target.preprocessing));
  return {
    description: `${description}, ${size} samples`,
    size,
    sample: (index, input) => readers[input]!.values(index),
    label: (index) => (truth?.kind === 'labels' ? truth.labels[index]! : null),
    picture: (index) => (readers.length === 1 ? readers[0]!.picture(index) : null),
    isPixels: (input) => isPixels(tensors[input]!),
    ...(truth?.kind === 'masks' ? { mask: (index) => maskAt(truth, index) } : {}),
  };
}

function maskAt({ masks, count }: Truth & { readonly kind: 'masks' }, index: number): Uint8Array {
  const pixels = masks.length / count;
  return masks.subarray(index * pixels, (index + 1) * pixels);
}

interface TensorReader {
  values(index: number): Float32Array;
  picture(index: number): Picture | null;
}

function tensorReader(
  tensor: DataTensor,
  input: InputDescription,
  preprocessing: Preprocessing,
): TensorReader {
  const elements = input.shape.reduce((product, extent) => product * extent, 1);
  const slice = (index: number): DataTensor['values'] =>
    tensor.values.subarray(index * elements, (index + 1) * elements);
  if (!isPixels(tensor)) return { values: (index) => Float32Array.from(slice(index)), picture: () => null };
  const channels = channelsOf(input.shape);
  const tables = pixelTables(preprocessing, channels);
  const images = input.shape.length >= 3 ? input.shape[0]! : 1;
  return {
    values: (index) => preprocessPixels(slice(index) as Uint8Array, channels, tables, images),
    picture: (index) => asPicture(slice(index) as Uint8Array, input.shape),
  };
}

/** Axis 1 is the channel; shapes without one have a single channel. */
export function channelsOf(shape: readonly number[]): number {
  return shape.length >= 3 ? shape[1]! : 1;
}

function asPicture(pixels: Uint8Array, shape: readonly number[]): Picture | null {
  const [batch, channels, height, width] = shape;
  if (shape.length !== 4 || batch !== 1 || (channels !== 1 && channels !== 3)) return null;
  return { width: width!, height: height!, channels, pixels };
}

function sampleCount(tensor: DataTensor, input: InputDescription, description: string): number {
  const { shape } = input;
  const same = (a: readonly number[], b: readonly number[]): boolean =>
    a.length === b.length && a.every((extent, axis) => extent === b[axis]);
  const [rows, ...rest] = tensor.shape;
  const [batch, ...inner] = shape;
  if (rows !== undefined && batch !== undefined && same(rest, inner) && rows % batch === 0)
    return rows / batch;
  if (same(tensor.shape, shape)) return 1;
  if (rows !== undefined && same(rest, shape)) return rows;
  const samples = [batch === 1 || batch === undefined ? 'n' : `${batch}n`, ...inner];
  throw new ArtifactError(
    'INPUT_SHAPE_MISMATCH',
    `${description} has shape ${formatShape(tensor.shape)}, input ${input.name} expects [${samples.join(', ')}]`,
    { node: input.name, hint: 'reshape or transpose the array (channels come before height and width)' },
  );
}

/** Reproducible random bytes, put through preprocessing: for models whose data are not at hand. */
export function randomDataset(seed: number, target: DataTarget, limit: number): LoadedDataset {
  const size = Number.isFinite(limit) ? limit : 256;
  const inputs = target.inputs.map(({ shape }) => {
    const channels = channelsOf(shape);
    const elements = shape.reduce((product, extent) => product * extent, 1);
    return { shape, channels, elements, tables: pixelTables(target.preprocessing, channels) };
  });
  const pixelsOf = (index: number, input: number): Uint8Array =>
    randomBytes(inputs[input]!.elements, [seed, index, input]);
  return {
    description: `random bytes, seed ${seed}, ${size} samples`,
    size,
    sample: (index, input) =>
      preprocessPixels(pixelsOf(index, input), inputs[input]!.channels, inputs[input]!.tables),
    label: () => null,
    picture: (index) => (inputs.length === 1 ? asPicture(pixelsOf(index, 0), inputs[0]!.shape) : null),
    isPixels: () => true,
  };
}

/** mulberry32, started from a mix of the key; not for cryptography. */
function randomBytes(count: number, key: readonly number[]): Uint8Array {
  let state = key.reduce((mixed, part) => Math.imul(mixed ^ part, 0x9e3779b1) ^ (mixed >>> 15), 0x6d2b79f5);
  return Uint8Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 24;
  });
}

function requireSamples(available: number, limit: number, description: string): number {
  if (available === 0) {
    throw new ArtifactError('DATA_EMPTY', `${description} holds no samples`, { hint: 'check the path' });
  }
  return Math.min(available, limit);
}

/** One data set after the other. */
export function concatenateDatasets(first: LoadedDataset, second: LoadedDataset): LoadedDataset {
  const at = <T>(index: number, read: (dataset: LoadedDataset, index: number) => T): T =>
    index < first.size ? read(first, index) : read(second, index - first.size);
  return {
    description: `${first.description}; ${second.description}`,
    size: first.size + second.size,
    sample: (index, input) => at(index, (dataset, i) => dataset.sample(i, input)),
    label: (index) => at(index, (dataset, i) => dataset.label(i)),
    picture: (index) => at(index, (dataset, i) => dataset.picture(i)),
    isPixels: (input) => [first, second].some((dataset) => dataset.isPixels?.(input) === true),
  };
}
