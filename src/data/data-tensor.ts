/** A numeric array read from a file, and the checks that every format shares. */
import { ArtifactError } from '../errors.ts';

export type NumberArray = Uint8Array | Int8Array | Int32Array | Float32Array | Float64Array;

/** Row-major. Unsigned bytes are pixels and go through preprocessing; everything else is taken as it is. */
export interface DataTensor {
  readonly shape: readonly number[];
  /** What the file stored; 64-bit integers arrive as doubles. */
  readonly type: 'float' | 'int' | 'bool';
  readonly values: NumberArray;
}

export function isPixels(tensor: DataTensor): boolean {
  return tensor.values instanceof Uint8Array;
}

/** More elements than this in one array are refused before anything is allocated. */
export const MAX_ELEMENTS = 2 ** 31 - 1;
const MAX_RANK = 32;

/**
 * Number of elements of an untrusted shape.
 * @throws ArtifactError with the given code if an extent is no natural number or the product is out of bounds
 */
export function checkedElementCount(shape: readonly number[], code: string, where: string): number {
  if (shape.length > MAX_RANK) {
    throw new ArtifactError(code, `${where}: ${shape.length} dimensions, at most ${MAX_RANK} are read`);
  }
  let count = 1;
  for (const extent of shape) {
    if (!Number.isSafeInteger(extent) || extent < 0) {
      throw new ArtifactError(code, `${where}: ${extent} is not a valid dimension`);
    }
    count *= extent;
    if (count > MAX_ELEMENTS) {
      throw new ArtifactError(
        code,
        `${where}: more than ${MAX_ELEMENTS} elements in shape ${formatShape(shape)}`,
      );
    }
  }
  return count;
}

export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/** @throws ArtifactError DATA_NOT_FINITE if a value is NaN or infinite (it would spoil every slot it meets) */
export function requireFinite(values: NumberArray, where: string): void {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return;
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index >= 0) {
    throw new ArtifactError('DATA_NOT_FINITE', `${where}: element ${index} is NaN or infinite`, {
      hint: 'remove or replace such values before inference',
    });
  }
}

/** 64-bit integers as doubles; refused beyond 2^53, where doubles no longer tell them apart. */
export function fromBigInts(
  values: Iterable<bigint>,
  count: number,
  code: string,
  where: string,
): Float64Array {
  const out = new Float64Array(count);
  let index = 0;
  for (const value of values) {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) {
      throw new ArtifactError(code, `${where}: element ${index} is an integer beyond 2^53`, {
        hint: 'store such values as float64',
      });
    }
    out[index++] = number;
  }
  return out;
}
