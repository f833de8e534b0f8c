/** Constants → TensorProto: float, int64 or bool, as raw bytes. */
import type { ConstantTensor } from './constant-tensor.ts';
import type { ITensorProto } from './proto.ts';
import { ElementType } from './proto.ts';

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

function toInt64(value: number): bigint {
  const integer = BigInt(Math.trunc(value));
  return integer > INT64_MAX ? INT64_MAX : integer < INT64_MIN ? INT64_MIN : integer;
}

export function encodeTensor(
  name: string,
  { shape, data }: ConstantTensor,
  type: ConstantTensor['type'],
): ITensorProto {
  const dims = [...shape];
  switch (type) {
    case 'float':
      return {
        name,
        dims,
        dataType: ElementType.FLOAT,
        rawData: littleEndian(data, 4, (v, o, x) => v.setFloat32(o, x, true)),
      };
    case 'int': {
      const rawData = littleEndian(data, 8, (view, offset, value) =>
        view.setBigInt64(offset, toInt64(value), true),
      );
      return { name, dims, dataType: ElementType.INT64, rawData };
    }
    case 'bool':
      return {
        name,
        dims,
        dataType: ElementType.BOOL,
        rawData: littleEndian(data, 1, (v, o, x) => v.setUint8(o, x === 0 ? 0 : 1)),
      };
  }
}

function littleEndian(
  data: Float64Array,
  bytes: number,
  write: (view: DataView, offset: number, value: number) => void,
): Uint8Array {
  const result = new Uint8Array(data.length * bytes);
  const view = new DataView(result.buffer);
  for (let i = 0; i < data.length; i++) write(view, i * bytes, data[i]!);
  return result;
}
