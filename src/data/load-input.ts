/** One model input from one file: .png, .jpg, .npy, .pb or .json. */
import { extname } from 'node:path';
import { ArtifactError } from '../errors.ts';
import type { Preprocessing } from '../program/signature.ts';
import type { DataTensor } from './data-tensor.ts';
import { formatShape, isPixels } from './data-tensor.ts';
import type { InputDescription } from './dataset.ts';
import { channelsOf } from './dataset.ts';
import { decodeImage } from './decode-image.ts';
import { parseNpy } from './npy.ts';
import type { Picture } from './picture.ts';
import { conversionNote, fitPicture, pictureTarget } from './picture.ts';
import { pixelTables, preprocessPixels } from './preprocess.ts';
import { MAX_INPUT_FILE_BYTES, readBounded } from './read-file.ts';
import { parseTensorJson } from './tensor-json.ts';
import { parseTensorProto } from './tensor-proto.ts';

export interface LoadedInput {
  /** Row-major, preprocessed. */
  readonly values: Float32Array;
  /** The fitted picture, if the file held one. */
  readonly picture: Picture | null;
  /** What was converted on the way, in words. */
  readonly notes: readonly string[];
}

/**
 * Reads the file by its extension. Pictures and arrays of unsigned bytes go through preprocessing; other arrays are
 * taken as they are. Nothing is resized or reshaped, except that leading axes of extent 1 may be missing.
 * @throws ArtifactError INPUT_FORMAT_UNKNOWN, INPUT_SHAPE_MISMATCH, or the code of the format
 */
export async function loadInput(
  file: string,
  input: InputDescription,
  preprocessing: Preprocessing,
): Promise<LoadedInput> {
  const format = extname(file).toLowerCase();
  const read = (): Promise<Uint8Array> => readBounded(file, MAX_INPUT_FILE_BYTES, 'the input');
  switch (format) {
    case '.png':
    case '.jpg':
    case '.jpeg':
      return fromImage(await read(), file, input, preprocessing);
    case '.npy':
      return fromTensor(parseNpy(await read(), file), file, input, preprocessing);
    case '.pb':
      return fromTensor(parseTensorProto(await read(), file), file, input, preprocessing);
    case '.json':
      return fromTensor(parseTensorJson(await read(), file), file, input, preprocessing);
    default:
      throw new ArtifactError(
        'INPUT_FORMAT_UNKNOWN',
        `the input: ${file} has extension "${format}", expected .png, .jpg, .npy, .pb or .json`,
        { hint: 'convert the file to one of these' },
      );
  }
}

function fromImage(
  bytes: Uint8Array,
  file: string,
  input: InputDescription,
  preprocessing: Preprocessing,
): LoadedInput {
  const decoded = decodeImage(bytes, file);
  const picture = fitPicture(decoded.picture, pictureTarget(input.shape, input.name), file);
  const note = conversionNote(decoded.picture, picture.channels);
  return {
    values: preprocessPixels(picture.pixels, picture.channels, pixelTables(preprocessing, picture.channels)),
    picture,
    notes: note === null ? decoded.notes : [...decoded.notes, note],
  };
}

function fromTensor(
  tensor: DataTensor,
  file: string,
  input: InputDescription,
  preprocessing: Preprocessing,
): LoadedInput {
  if (formatShape(withoutLeadingOnes(tensor.shape)) !== formatShape(withoutLeadingOnes(input.shape))) {
    throw new ArtifactError(
      'INPUT_SHAPE_MISMATCH',
      `${file} has shape ${formatShape(tensor.shape)}, input ${input.name} expects ${formatShape(input.shape)}`,
      { node: input.name, hint: 'reshape or transpose the array (channels come before height and width)' },
    );
  }
  if (!isPixels(tensor)) return { values: Float32Array.from(tensor.values), picture: null, notes: [] };
  const channels = channelsOf(input.shape);
  return {
    values: preprocessPixels(tensor.values as Uint8Array, channels, pixelTables(preprocessing, channels)),
    picture: null,
    notes: ['unsigned bytes taken as pixels'],
  };
}

function withoutLeadingOnes(shape: readonly number[]): readonly number[] {
  const first = shape.findIndex((extent) => extent !== 1);
  return first < 0 ? [] : shape.slice(first);
}
