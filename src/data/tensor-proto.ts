/** An ONNX TensorProto in a file of its own (.pb), as ONNX's operator tests store their inputs. */
import { ArtifactError } from '../errors.ts';
import { ElementType, EXTERNAL_LOCATION, TensorProto } from '../onnx/proto.ts';
import type { DataTensor, NumberArray } from './data-tensor.ts';
import { checkedElementCount, formatShape, fromBigInts, requireFinite } from './data-tensor.ts';

type Proto = ReturnType<typeof TensorProto.decode>;

/**
 * @param where file name, for messages
 * @throws ArtifactError TENSOR_DAMAGED, TENSOR_UNSUPPORTED or DATA_NOT_FINITE
 */
export function parseTensorProto(bytes: Uint8Array, where: string): DataTensor {
  const proto = decode(bytes, where);
  const shape = proto.dims.map(Number);
  const count = checkedElementCount(shape, 'TENSOR_DAMAGED', where);
  if (Number(proto.dataLocation) === EXTERNAL_LOCATION || proto.externalData.length > 0) {
    throw new ArtifactError('TENSOR_UNSUPPORTED', `${where}: the tensor keeps its data in another file`, {
      hint: 'save it with the data inside',
    });
  }
  const values = readValues(proto, where);
  if (values.length !== count) {
    throw damaged(where, `expected ${count} values for shape ${formatShape(shape)}, found ${values.length}`);
  }
  requireFinite(values, where);
  const isFloat = proto.dataType === ElementType.FLOAT || proto.dataType === ElementType.DOUBLE;
  return { shape, type: isFloat ? 'float' : proto.dataType === ElementType.BOOL ? 'bool' : 'int', values };
}

function decode(bytes: Uint8Array, where: string): Proto {
  try {
    return TensorProto.decode(bytes);
  } catch (error) {
    throw new ArtifactError('TENSOR_DAMAGED', `${where} is not an ONNX TensorProto`, {
      hint: 'write it with onnx.numpy_helper.from_array(array).SerializeToString()',
      cause: error,
    });
  }
}

function readValues(proto: Proto, where: string): NumberArray {
  const raw = proto.rawData.length > 0 ? proto.rawData : null;
  switch (proto.dataType) {
    case ElementType.FLOAT:
      return raw === null ? Float32Array.from(proto.floatData) : new Float32Array(aligned(raw, 4, where));
    case ElementType.DOUBLE:
      return raw === null ? Float64Array.from(proto.doubleData) : new Float64Array(aligned(raw, 8, where));
    case ElementType.UINT8:
      return raw === null ? Uint8Array.from(proto.int32Data) : new Uint8Array(aligned(raw, 1, where));
    case ElementType.INT8:
    case ElementType.BOOL:
      return raw === null ? Int8Array.from(proto.int32Data) : new Int8Array(aligned(raw, 1, where));
    case ElementType.INT32:
      return raw === null ? Int32Array.from(proto.int32Data) : new Int32Array(aligned(raw, 4, where));
    case ElementType.INT64: {
      const integers =
        raw === null
          ? (proto.int64Data as readonly unknown[]).map((value) => BigInt(String(value)))
          : [...new BigInt64Array(aligned(raw, 8, where))];
      return fromBigInts(integers, integers.length, 'TENSOR_UNSUPPORTED', where);
    }
    default:
      throw new ArtifactError(
        'TENSOR_UNSUPPORTED',
        `${where}: ONNX data type ${proto.dataType}, expected float, double, uint8, int8, int32, int64 or bool`,
        { hint: 'convert the array first' },
      );
  }
}

/** A copy that starts at an aligned address; little-endian, as ONNX prescribes. */
function aligned(raw: Uint8Array, itemBytes: number, where: string): ArrayBuffer {
  if (raw.length % itemBytes !== 0) {
    throw damaged(where, `${raw.length} bytes of raw data are no whole number of ${itemBytes}-byte items`);
  }
  const copy = new ArrayBuffer(raw.length);
  new Uint8Array(copy).set(raw);
  return copy;
}

function damaged(where: string, what: string): ArtifactError {
  return new ArtifactError('TENSOR_DAMAGED', `${where} is not a valid tensor: ${what}`, {
    hint: 'write the file again',
  });
}
