/** The IDX format of MNIST (unsigned bytes): http://yann.lecun.com/exdb/mnist/ */
import { ArtifactError } from '../errors.ts';
import { checkedElementCount, formatShape } from './data-tensor.ts';

const UNSIGNED_BYTE = 0x08;

/** A view on the file's bytes; nothing is copied. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly values: Uint8Array;
}

/**
 * @param rank number of dimensions expected: 3 for images, 1 for labels
 * @throws ArtifactError IDX_DAMAGED
 */
export function parseIdx(bytes: Uint8Array, rank: number, where: string): IdxArray {
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0)
    throw damaged(where, 'it does not start with 00 00');
  if (bytes[2] !== UNSIGNED_BYTE) throw damaged(where, `item type ${bytes[2]}, expected unsigned bytes`);
  if (bytes[3] !== rank) throw damaged(where, `${bytes[3]} dimensions, expected ${rank}`);
  const start = 4 + 4 * rank;
  if (bytes.length < start) throw damaged(where, 'the header is cut off');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const count = checkedElementCount(shape, 'IDX_DAMAGED', where);
  if (bytes.length - start !== count) {
    throw damaged(
      where,
      `expected ${count} bytes for shape ${formatShape(shape)}, found ${bytes.length - start}`,
    );
  }
  return { shape, values: bytes.subarray(start) };
}

function damaged(where: string, what: string): ArtifactError {
  return new ArtifactError('IDX_DAMAGED', `${where} is not a valid IDX file: ${what}`, {
    hint: 'fetch the file again',
  });
}
