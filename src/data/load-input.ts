/** One model input from one file, of one sample or several stacked: .png, .jpg, .npy, .pb or .json. */
import { extname } from 'node:path';
import { ArtifactError } from '../errors.ts';
import type { Preprocessing } from '../program/signature.ts';
import type { DataTensor } from './data-tensor.ts';
import { formatShape, isPixels } from './data-tensor.ts';
import type { InputDescription } from './dataset.ts';
import { channelsOf } from './dataset.ts';
import type { DecodedImage } from './decode-image.ts';
import { decodeImage } from './decode-image.ts';
import { parseNpy } from './npy.ts';
import type { Picture } from './picture.ts';
import { conversionNote, fitPicture, pictureTarget } from './picture.ts';
import { pixelTables, preprocessPixels } from './preprocess.ts';
import { MAX_INPUT_FILE_BYTES, readBounded } from './read-file.ts';
import { parseTensorJson } from './tensor-json.ts';
import { parseTensorProto } from './tensor-proto.ts';

export interface LoadedInput {
  /** Row-major, preprocessed; sample after sample. */
  readonly values: Float32Array;
  readonly samples: number;
  /** The fitted picture, if the file held one. */
  readonly picture: Picture | null;
  /** What was converted on the way, in words. */
  readonly notes: readonly string[];
}

/**
 * Reads the file by its extension. Pictures and arrays of unsigned bytes go through preprocessing; other arrays are
 * taken as they are. Nothing is resized or reshaped, except that leading axes of extent 1 may be missing.
 * @param mostSamples that an array may hold, stacked along its first axis
 * @throws ArtifactError INPUT_FORMAT_UNKNOWN, INPUT_SHAPE_MISMATCH, or the code of the format
 */
export async function loadInput(
  file: string,
  input: InputDescription,
  preprocessing: Preprocessing,
  mostSamples = 1,
): Promise<LoadedInput> {
  requireKnownFormat(file);
  const bytes = await readBounded(file, MAX_INPUT_FILE_BYTES, 'the input');
  return parseInput(bytes, file, input, preprocessing, undefined, mostSamples);
}

/**
 * As `loadInput`, of bytes that were read already.
 * @param file name, for its extension and for messages
 * @param maxPixels pictures that declare more are refused before they are decoded
 * @param mostSamples that an array may hold, stacked along its first axis
 */
export function parseInput(
  bytes: Uint8Array,
  file: string,
  input: InputDescription,
  preprocessing: Preprocessing,
  maxPixels?: number,
  mostSamples = 1,
): LoadedInput {
  switch (requireKnownFormat(file)) {
    case '.png':
    case '.jpg':
    case '.jpeg':
      return fromImage(decodeImage(bytes, file, maxPixels), file, input, preprocessing);
    case '.npy':
      return fromTensor(parseNpy(bytes, file), file, input, preprocessing, mostSamples);
    case '.pb':
      return fromTensor(parseTensorProto(bytes, file), file, input, preprocessing, mostSamples);
    case '.json':
      return fromTensor(parseTensorJson(bytes, file), file, input, preprocessing, mostSamples);
  }
}

const FORMATS = ['.png', '.jpg', '.jpeg', '.npy', '.pb', '.json'] as const;

function requireKnownFormat(file: string): (typeof FORMATS)[number] {
  const extension = extname(file).toLowerCase();
  const format = FORMATS.find((known) => known === extension);
  if (format !== undefined) return format;
  throw new ArtifactError(
    'INPUT_FORMAT_UNKNOWN',
    `the input: ${file} has extension "${extension}", expected .png, .jpg, .npy, .pb or .json`,
    { hint: 'convert the file to one of these' },
  );
}

function fromImage(
  decoded: DecodedImage,
  file: string,
  input: InputDescription,
  preprocessing: Preprocessing,
): LoadedInput {
  const picture = fitPicture(decoded.picture, pictureTarget(input.shape, input.name), file);
  const note = conversionNote(decoded.picture, picture.channels);
  return {
    values: preprocessPixels(picture.pixels, picture.channels, pixelTables(preprocessing, picture.channels)),
    samples: 1,
    picture,
    notes: note === null ? decoded.notes : [...decoded.notes, note],
  };
}

function fromTensor(
  tensor: DataTensor,
  file: string,
  input: InputDescription,
  preprocessing: Preprocessing,
  mostSamples: number,
): LoadedInput {
  const samples = stackedSamples(tensor.shape, input.shape);
  if (samples === null || samples > mostSamples) {
    throw new ArtifactError(
      'INPUT_SHAPE_MISMATCH',
      `${file} has shape ${formatShape(tensor.shape)}, input ${input.name} expects ${formatShape(input.shape)}`,
      {
        node: input.name,
        hint:
          samples === null
            ? 'reshape or transpose the array (channels come before height and width)'
            : `the array holds ${samples} samples, and one run takes ${mostSamples === 1 ? 'one' : `up to ${mostSamples}`}: cut it, or use "bench"`,
      },
    );
  }
  if (!isPixels(tensor))
    return { values: Float32Array.from(tensor.values), samples, picture: null, notes: [] };
  const channels = channelsOf(input.shape);
  return {
    values: preprocessStack(tensor.values as Uint8Array, samples, channels, preprocessing),
    samples,
    picture: null,
    notes: ['unsigned bytes taken as pixels'],
  };
}

/** How many samples of a shape an array holds; null if it holds something else. */
function stackedSamples(shape: readonly number[], sample: readonly number[]): number | null {
  if (formatShape(withoutLeadingOnes(shape)) === formatShape(withoutLeadingOnes(sample))) return 1;
  const [count, ...rest] = shape;
  const stacked = sample[0] === 1 && formatShape(rest) === formatShape(sample.slice(1));
  return stacked && count !== undefined && count > 0 ? count : null;
}

function preprocessStack(
  bytes: Uint8Array,
  samples: number,
  channels: number,
  preprocessing: Preprocessing,
): Float32Array {
  const tables = pixelTables(preprocessing, channels);
  const size = bytes.length / samples;
  const values = new Float32Array(bytes.length);
  for (let i = 0; i < samples; i++) {
    values.set(preprocessPixels(bytes.subarray(i * size, (i + 1) * size), channels, tables), i * size);
  }
  return values;
}

function withoutLeadingOnes(shape: readonly number[]): readonly number[] {
  const first = shape.findIndex((extent) => extent !== 1);
  return first < 0 ? [] : shape.slice(first);
}
