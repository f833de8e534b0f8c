/**
 * A picture or array → the tensor that is encrypted. Only the values of pixels go on from here: metadata (EXIF, comments,
 * thumbnails, colour profiles) and the file's name are dropped with the file.
 */
import { parseInput } from '../../data/load-input.ts';
import { HeError } from '../../errors.ts';
import { elementCount } from '../../program/layout.ts';
import type { Signature, SignatureInput } from '../../program/signature.ts';
import { ToolError } from '../protocol/error-codes.ts';
import type { AllowedPaths } from './allowed-paths.ts';

const FORMATS = /\.(png|jpe?g|npy)$/i;
/** Pictures may declare four times what the model takes, for a useful message, or this much; more is never decoded. */
const LEAST_PIXELS = 2 ** 20;
const MAX_PICTURE_BYTES = 32 * 2 ** 20;
/** Nothing larger is an input of any model. */
export const MAX_INPUT_BYTES = 256 * 2 ** 20;
const NPY_HEADER_BYTES = 70_000;
const BYTES_PER_VALUE = 8;

export interface ReadInput {
  /** One for each input of the model; of a batch, every place holds the sample. */
  readonly tensors: readonly Float64Array[];
  /** What was converted on the way, in words. */
  readonly notes: readonly string[];
}

/**
 * @param paths one for each input of the model, in its order
 * @param batch samples that one evaluation takes
 * @throws ToolError ERROR_PATH_REFUSED or ERROR_INVALID_INPUT
 */
export async function readInput(
  allowed: AllowedPaths,
  paths: readonly string[],
  signature: Signature,
  batch: number,
): Promise<ReadInput> {
  if (paths.length !== signature.inputs.length) {
    throw new ToolError(
      'ERROR_INVALID_INPUT',
      `the model takes ${signature.inputs.length} inputs (${signature.inputs.map(({ name }) => name).join(', ')}), ${paths.length} files were given`,
    );
  }
  const tensors: Float64Array[] = [];
  const notes: string[] = [];
  for (const [i, input] of signature.inputs.entries()) {
    const read = await readOne(allowed, paths[i]!, input, batch);
    tensors.push(read.tensor);
    notes.push(...read.notes);
  }
  return { tensors, notes };
}

async function readOne(
  allowed: AllowedPaths,
  path: string,
  { name, layout, preprocessing }: SignatureInput,
  batch: number,
): Promise<{ tensor: Float64Array; notes: readonly string[] }> {
  if (!FORMATS.test(path)) {
    throw new ToolError('ERROR_INVALID_INPUT', 'the input must be a .png, .jpg or .npy file');
  }
  const [axis, ...rest] = layout.shape;
  const shape = batch === 1 ? layout.shape : [axis! / batch, ...rest];
  const tensor = new Float64Array(elementCount(layout.shape));
  const values = tensor.length / batch;
  const maxBytes = /\.npy$/i.test(path)
    ? Math.min(MAX_INPUT_BYTES, values * BYTES_PER_VALUE + NPY_HEADER_BYTES)
    : MAX_PICTURE_BYTES;
  const bytes = await allowed.read(path, maxBytes);
  try {
    const maxPixels = Math.max(LEAST_PIXELS, 4 * values);
    const loaded = parseInput(bytes, path, { name, shape }, preprocessing, maxPixels);
    for (let place = 0; place < batch; place++) tensor.set(loaded.values, place * values);
    return { tensor, notes: loaded.notes };
  } catch (error) {
    if (!(error instanceof HeError)) throw error;
    throw new ToolError('ERROR_INVALID_INPUT', error.message, { cause: error });
  }
}
