/** TensorProto → ConstantTensor, in every encoding that ONNX allows for numbers. Input is not trusted. */
import { ImportError } from '../errors.ts';
import type { ConstantTensor } from './constant-tensor.ts';
import { readExternalData } from './external-data.ts';
import type { ITensorProto } from './proto.ts';
import { EXTERNAL_LOCATION, ElementType, toNumber } from './proto.ts';

/** More elements than this are never accepted: no CNN for encrypted data comes near. */
export const MAX_ELEMENTS = 2 ** 28;

/** Most dimensions of any tensor. */
export const MAX_RANK = 32;

type TypedField = 'floatData' | 'int32Data' | 'int64Data' | 'doubleData' | 'uint64Data';

interface Encoding {
  readonly name: string;
  readonly type: ConstantTensor['type'];
  readonly bytes: number;
  readonly read: (view: DataView, offset: number) => number;
  /** Typed field that holds the elements if raw_data does not, and how one entry is read. */
  readonly field: TypedField;
  readonly entry?: (value: number) => number;
}

/** IEEE 754 binary16. */
export function halfToNumber(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function bfloatToNumber(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, (bits & 0xffff) * 65536);
  return view.getFloat32(0);
}

const isTrue = (value: number): number => (value === 0 ? 0 : 1);

const ENCODINGS: ReadonlyMap<number, Encoding> = new Map<number, Encoding>([
  [
    ElementType.FLOAT,
    { name: 'float', type: 'float', bytes: 4, read: (v, o) => v.getFloat32(o, true), field: 'floatData' },
  ],
  [
    ElementType.DOUBLE,
    { name: 'double', type: 'float', bytes: 8, read: (v, o) => v.getFloat64(o, true), field: 'doubleData' },
  ],
  [
    ElementType.FLOAT16,
    {
      name: 'float16',
      type: 'float',
      bytes: 2,
      read: (v, o) => halfToNumber(v.getUint16(o, true)),
      field: 'int32Data',
      entry: halfToNumber,
    },
  ],
  [
    ElementType.BFLOAT16,
    {
      name: 'bfloat16',
      type: 'float',
      bytes: 2,
      read: (v, o) => bfloatToNumber(v.getUint16(o, true)),
      field: 'int32Data',
      entry: bfloatToNumber,
    },
  ],
  [
    ElementType.UINT8,
    { name: 'uint8', type: 'int', bytes: 1, read: (v, o) => v.getUint8(o), field: 'int32Data' },
  ],
  [
    ElementType.INT8,
    { name: 'int8', type: 'int', bytes: 1, read: (v, o) => v.getInt8(o), field: 'int32Data' },
  ],
  [
    ElementType.UINT16,
    { name: 'uint16', type: 'int', bytes: 2, read: (v, o) => v.getUint16(o, true), field: 'int32Data' },
  ],
  [
    ElementType.INT16,
    { name: 'int16', type: 'int', bytes: 2, read: (v, o) => v.getInt16(o, true), field: 'int32Data' },
  ],
  [
    ElementType.INT32,
    { name: 'int32', type: 'int', bytes: 4, read: (v, o) => v.getInt32(o, true), field: 'int32Data' },
  ],
  [
    ElementType.UINT32,
    { name: 'uint32', type: 'int', bytes: 4, read: (v, o) => v.getUint32(o, true), field: 'uint64Data' },
  ],
  [
    ElementType.INT64,
    {
      name: 'int64',
      type: 'int',
      bytes: 8,
      read: (v, o) => Number(v.getBigInt64(o, true)),
      field: 'int64Data',
    },
  ],
  [
    ElementType.UINT64,
    {
      name: 'uint64',
      type: 'int',
      bytes: 8,
      read: (v, o) => Number(v.getBigUint64(o, true)),
      field: 'uint64Data',
    },
  ],
  [
    ElementType.BOOL,
    {
      name: 'bool',
      type: 'bool',
      bytes: 1,
      read: (v, o) => isTrue(v.getUint8(o)),
      field: 'int32Data',
      entry: isTrue,
    },
  ],
]);

export function isNumericType(type: number): boolean {
  return ENCODINGS.has(type);
}

export function isFloatingType(type: number): boolean {
  return ENCODINGS.get(type)?.type === 'float';
}

/** Checked dimensions and their product. */
function dimensionsOf(dims: readonly unknown[], what: string): { shape: number[]; size: number } {
  if (dims.length > MAX_RANK)
    throw new ImportError('INVALID_TENSOR', `${what} has ${dims.length} dimensions`);
  const shape = dims.map(toNumber);
  let size = 1;
  for (const dim of shape) {
    if (!Number.isSafeInteger(dim) || dim < 0) {
      throw new ImportError('INVALID_TENSOR', `${what} has a dimension of ${dim}`);
    }
    size *= dim;
    if (size > MAX_ELEMENTS) {
      throw new ImportError(
        'TENSOR_TOO_LARGE',
        `${what} of shape [${shape.join(', ')}] exceeds ${MAX_ELEMENTS} elements`,
      );
    }
  }
  return { shape, size };
}

function encodingOf(tensor: ITensorProto, what: string): Encoding {
  const encoding = ENCODINGS.get(tensor.dataType ?? 0);
  if (encoding === undefined) {
    throw new ImportError(
      'UNSUPPORTED_TYPE',
      `${what} has element type ${tensor.dataType ?? 0}, which is not supported`,
      {
        hint: 'store weights as float, double, float16, bfloat16 or plain integers',
      },
    );
  }
  return encoding;
}

/**
 * The raw bytes of a tensor whose data lie in a file.
 * @throws ImportError INVALID_TENSOR, TENSOR_TOO_LARGE, UNSUPPORTED_TYPE or EXTERNAL_DATA
 */
export function externalBytes(tensor: ITensorProto, what: string, modelDirectory: string | null): Uint8Array {
  const { size } = dimensionsOf(tensor.dims ?? [], what);
  const { bytes } = encodingOf(tensor, what);
  return readExternalData(tensor.externalData ?? [], size * bytes, what, modelDirectory);
}

/**
 * Decodes a tensor. Nothing is allocated before the data is known to be as long as the shape asks for.
 * @param what how to name the tensor in messages, e.g. "initializer 'conv1.weight'"
 * @throws ImportError INVALID_TENSOR, TENSOR_TOO_LARGE, UNSUPPORTED_TYPE or EXTERNAL_DATA
 */
export function decodeTensor(
  tensor: ITensorProto,
  what: string,
  modelDirectory: string | null,
): ConstantTensor {
  const encoding = encodingOf(tensor, what);
  if (tensor.segment !== null && tensor.segment !== undefined) {
    throw new ImportError('INVALID_TENSOR', `${what} is stored in segments, which is not supported`);
  }
  const { shape, size } = dimensionsOf(tensor.dims ?? [], what);
  const { type } = encoding;
  const external = Number(tensor.dataLocation ?? 0) === EXTERNAL_LOCATION;
  const raw = external ? externalBytes(tensor, what, modelDirectory) : (tensor.rawData ?? new Uint8Array());
  if (external || raw.length > 0) {
    if (raw.length !== size * encoding.bytes) {
      throw new ImportError(
        'INVALID_TENSOR',
        `${what} of shape [${shape.join(', ')}] (${encoding.name}) needs ${size * encoding.bytes} bytes, not ${raw.length}`,
      );
    }
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    return {
      shape,
      type,
      data: Float64Array.from({ length: size }, (_, i) => encoding.read(view, i * encoding.bytes)),
    };
  }
  const entries: readonly unknown[] = tensor[encoding.field] ?? [];
  if (entries.length !== size) {
    throw new ImportError(
      'INVALID_TENSOR',
      `${what} of shape [${shape.join(', ')}] (${encoding.name}) needs ${size} elements, not ${entries.length}`,
    );
  }
  const { entry } = encoding;
  return {
    shape,
    type,
    data: Float64Array.from(entries, (value) =>
      entry === undefined ? toNumber(value) : entry(toNumber(value)),
    ),
  };
}

/** Refuses NaN and infinities. */
export function requireFinite(tensor: ConstantTensor, what: string, node?: string): void {
  const index = tensor.data.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  throw new ImportError(
    'NONFINITE_CONSTANT',
    `${what} holds NaN or infinity (element ${index} of ${tensor.data.length})`,
    {
      ...(node === undefined ? {} : { node }),
      hint: 'the training diverged or the file is damaged; export the model again',
    },
  );
}
