/** Small valid files of every format, made in memory, for the tests of the parsers. */
import { PNG } from 'pngjs';
import { TensorProto } from '../../onnx/proto.ts';

export function npyFile(
  descr: string,
  shape: readonly number[],
  data: Uint8Array,
  fortran = false,
  version = 1,
): Uint8Array {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${tuple}), }`;
  const start = version === 1 ? 10 : 12;
  const padded = `${text}${' '.repeat(63 - ((start + text.length) % 64))}\n`;
  const head = Buffer.alloc(start);
  head.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  if (version === 1) head.writeUInt16LE(padded.length, 8);
  else head.writeUInt32LE(padded.length, 8);
  return Buffer.concat([head, Buffer.from(padded, 'latin1'), data]);
}

export function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

export function idxFile(shape: readonly number[], data: Uint8Array): Uint8Array {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head[2] = 8;
  head[3] = shape.length;
  shape.forEach((extent, axis) => head.writeUInt32BE(extent, 4 + 4 * axis));
  return Buffer.concat([head, data]);
}

/** `pixels` interleaved, 1 (grey) or 3 (colour) bytes each. */
export function pngFile(
  width: number,
  height: number,
  channels: 1 | 3,
  pixels: Uint8Array,
  alpha = 255,
): Uint8Array {
  const png = new PNG({ width, height });
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) png.data[4 * i + c] = pixels[i * channels + (channels === 3 ? c : 0)]!;
    png.data[4 * i + 3] = alpha;
  }
  const colorType = alpha < 255 ? 6 : channels === 1 ? 0 : 2;
  return PNG.sync.write(png, { colorType });
}

export function tensorProtoFile(shape: readonly number[], dataType: number, rawData: Uint8Array): Uint8Array {
  return TensorProto.encode({ dims: [...shape], dataType, rawData }).finish();
}
