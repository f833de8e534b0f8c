/** Files → an update: two ONNX files whose trained numbers are subtracted, or an array of differences. */
import type { ParameterLayout } from '../../../onnx/model-parameters.ts';
import { lengthOf, readParameters, subtractParameters } from '../../../onnx/model-parameters.ts';
import { parseNpy } from '../../../data/npy.ts';
import { HeError } from '../../../errors.ts';
import { ToolError } from '../../protocol/error-codes.ts';
import { sha256Of } from '../../protocol/identifiers.ts';
import type { AllowedPaths } from '../allowed-paths.ts';

/** Of a model: as large as anything that is trained here, with graph and names. */
export const MAX_MODEL_BYTES = 2 ** 31;

export interface ReadUpdate {
  readonly values: Float32Array;
  /** SHA-256 of the file that training started from; null: not known. */
  readonly base: string | null;
}

export interface UpdateFiles {
  readonly before_path?: string | undefined;
  readonly after_path?: string | undefined;
  readonly delta_path?: string | undefined;
}

/** @throws ToolError ERROR_PATH_REFUSED, ERROR_INVALID_INPUT, ERROR_INVALID_UPDATE, ERROR_INVALID_ARGUMENT */
export async function readUpdate(
  allowed: AllowedPaths,
  { before_path, after_path, delta_path }: UpdateFiles,
  layout: ParameterLayout,
  frozen: readonly string[],
): Promise<ReadUpdate> {
  if (delta_path !== undefined && before_path === undefined && after_path === undefined)
    return { values: await readDelta(allowed, delta_path, lengthOf(layout)), base: null };
  if (before_path === undefined || after_path === undefined || delta_path !== undefined)
    throw new ToolError('ERROR_INVALID_ARGUMENT', 'give before_path and after_path, or delta_path alone');
  const before = await allowed.read(before_path, MAX_MODEL_BYTES);
  const after = await allowed.read(after_path, MAX_MODEL_BYTES);
  try {
    const [from, to] = [
      readParameters(before, 'the model before training', frozen),
      readParameters(after, 'the model after training', frozen),
    ];
    return { values: Float32Array.from(subtractParameters(from, to, layout)), base: sha256Of(before) };
  } catch (error) {
    throw invalid(error);
  }
}

async function readDelta(allowed: AllowedPaths, path: string, length: number): Promise<Float32Array> {
  const bytes = await allowed.read(path, 8 * length + 70_000);
  let values: ArrayLike<number>;
  try {
    ({ values } = parseNpy(bytes, 'the array'));
  } catch (error) {
    throw invalid(error);
  }
  if (values.length !== length)
    throw new ToolError(
      'ERROR_INVALID_UPDATE',
      `the array has ${values.length} elements, the model trains ${length}`,
    );
  return Float32Array.from(values);
}

/** Messages of ours name tensors and shapes, and no values. */
function invalid(error: unknown): ToolError {
  if (!(error instanceof HeError)) throw error;
  return new ToolError('ERROR_INVALID_UPDATE', error.message, { cause: error });
}
