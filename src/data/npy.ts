/** The .npy format, versions 1 to 3: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
import { ArtifactError } from '../errors.ts';
import type { DataTensor, NumberArray } from './data-tensor.ts';
import { checkedElementCount, formatShape, fromBigInts, requireFinite } from './data-tensor.ts';

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // "\x93NUMPY"
const MAX_HEADER_BYTES = 65536;

const ITEM_BYTES = { f4: 4, f8: 8, u1: 1, b1: 1, i1: 1, i4: 4, i8: 8 } as const;
type ItemType = keyof typeof ITEM_BYTES;

interface Header {
  readonly type: ItemType;
  readonly bigEndian: boolean;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

/**
 * Parses an array of dtype f4, f8, u1, b1, i1, i4 or i8 in C or Fortran order.
 * @param where file name, for messages
 * @throws ArtifactError NPY_DAMAGED, NPY_UNSUPPORTED or DATA_NOT_FINITE
 */
export function parseNpy(bytes: Uint8Array, where: string): DataTensor {
  const { text, dataStart } = readHeader(bytes, where);
  const header = parseHeader(text, where);
  const count = checkedElementCount(header.shape, 'NPY_DAMAGED', where);
  const size = ITEM_BYTES[header.type];
  const actual = bytes.length - dataStart;
  if (actual !== count * size) {
    throw damaged(
      where,
      `expected ${count * size} bytes of data for shape ${formatShape(header.shape)}, found ${actual}`,
    );
  }
  const stored = readItems(bytes.slice(dataStart), count, header, where);
  requireFinite(stored, where);
  const values = header.fortranOrder && header.shape.length > 1 ? toRowMajor(stored, header.shape) : stored;
  return { shape: header.shape, type: typeOf(header.type), values };
}

function readHeader(bytes: Uint8Array, where: string): { text: string; dataStart: number } {
  if (bytes.length < 10 || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw damaged(where, 'it does not start with the .npy signature');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const major = view.getUint8(6);
  if (major < 1 || major > 3) {
    throw new ArtifactError('NPY_UNSUPPORTED', `${where}: .npy version ${major}, expected 1, 2 or 3`);
  }
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) throw damaged(where, 'the header is cut off');
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER_BYTES) throw damaged(where, `a header of ${length} bytes`);
  if (start + length > bytes.length) throw damaged(where, 'the header is cut off');
  return {
    text: Buffer.from(bytes.subarray(start, start + length)).toString('latin1'),
    dataStart: start + length,
  };
}

/** The header is a Python dict literal; only the form that numpy writes is accepted, nothing is evaluated. */
function parseHeader(text: string, where: string): Header {
  const descr = /['"]descr['"]\s*:\s*(?:'([^']*)'|"([^"]*)"|(\[))/.exec(text);
  const order = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(text);
  const shape = /['"]shape['"]\s*:\s*\(([0-9,\sL]*)\)/.exec(text);
  if (descr === null || order === null || shape === null) {
    throw damaged(where, 'the header lacks descr, fortran_order or shape');
  }
  const name = descr[1] ?? descr[2] ?? 'a structured type';
  const item = /^([<>|=])(f4|f8|u1|b1|i1|i4|i8)$/.exec(name);
  if (item === null) {
    throw new ArtifactError('NPY_UNSUPPORTED', `${where}: dtype ${name}, expected f4, f8, u1, i1, i4 or i8`, {
      hint: 'convert it first: numpy.save(file, array.astype("float32"))',
    });
  }
  const extents = shape[1]!.split(',').map((part) => part.replace('L', '').trim());
  return {
    type: item[2] as ItemType,
    bigEndian: item[1] === '>',
    fortranOrder: order[1] === 'True',
    shape: extents.filter((part) => part !== '').map(Number),
  };
}

/** `data` is a fresh copy, so it is aligned and may be swapped in place. */
function readItems(data: Uint8Array, count: number, header: Header, where: string): NumberArray {
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (header.bigEndian && ITEM_BYTES[header.type] === 4) buffer.swap32();
  if (header.bigEndian && ITEM_BYTES[header.type] === 8) buffer.swap64();
  const aligned = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  switch (header.type) {
    case 'u1':
      return new Uint8Array(aligned);
    case 'b1':
    case 'i1':
      return new Int8Array(aligned);
    case 'i4':
      return new Int32Array(aligned);
    case 'f4':
      return new Float32Array(aligned);
    case 'f8':
      return new Float64Array(aligned);
    case 'i8':
      return fromBigInts(new BigInt64Array(aligned), count, 'NPY_UNSUPPORTED', where);
  }
}

function typeOf(item: ItemType): DataTensor['type'] {
  if (item === 'b1') return 'bool';
  return item === 'f4' || item === 'f8' ? 'float' : 'int';
}

/** Column-major to row-major. */
function toRowMajor(values: NumberArray, shape: readonly number[]): NumberArray {
  const out = values.slice();
  const strides = shape.map((_, axis) =>
    shape.slice(0, axis).reduce((product, extent) => product * extent, 1),
  );
  const index = shape.map(() => 0);
  let source = 0;
  for (let target = 0; target < out.length; target++) {
    out[target] = values[source]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      source += strides[axis]!;
      if (index[axis]! < shape[axis]!) break;
      source -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

function damaged(where: string, what: string): ArtifactError {
  return new ArtifactError('NPY_DAMAGED', `${where} is not a valid .npy file: ${what}`, {
    hint: 'write it again with numpy.save',
  });
}
