import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ImportError } from '../../errors.ts';
import { decodeModel } from './decode.ts';
import type { ITensorProto } from '../../onnx/proto.ts';
import { ElementType } from '../../onnx/proto.ts';
import { decodeTensor } from '../../onnx/tensor-data.ts';
import { ModelBuilder } from './testing/model-builder.ts';

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ImportError) return error.code;
    throw error;
  }
  return 'no error';
}

const decode = (tensor: ITensorProto, directory: string | null = null): number[] =>
  Array.from(decodeTensor(tensor, 'tensor', directory).data);
const raw = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

describe('tensor encodings', () => {
  it.each([
    ['float raw', { dataType: ElementType.FLOAT, rawData: raw(0, 0, 0x20, 0xc0) }, -2.5],
    ['float_data', { dataType: ElementType.FLOAT, floatData: [-2.5] }, -2.5],
    ['double raw', { dataType: ElementType.DOUBLE, rawData: raw(0, 0, 0, 0, 0, 0, 4, 0xc0) }, -2.5],
    ['double_data', { dataType: ElementType.DOUBLE, doubleData: [0.1] }, 0.1],
    ['float16 raw', { dataType: ElementType.FLOAT16, rawData: raw(0x00, 0xc1) }, -2.5],
    ['float16 in int32_data', { dataType: ElementType.FLOAT16, int32Data: [0xc100] }, -2.5],
    ['float16 subnormal', { dataType: ElementType.FLOAT16, int32Data: [1] }, 2 ** -24],
    ['bfloat16 raw', { dataType: ElementType.BFLOAT16, rawData: raw(0x20, 0xc0) }, -2.5],
    ['bfloat16 in int32_data', { dataType: ElementType.BFLOAT16, int32Data: [0xc020] }, -2.5],
    ['int8 raw', { dataType: ElementType.INT8, rawData: raw(0xfe) }, -2],
    ['int8 in int32_data', { dataType: ElementType.INT8, int32Data: [-2] }, -2],
    ['uint8 raw', { dataType: ElementType.UINT8, rawData: raw(0xfe) }, 254],
    ['uint16 raw', { dataType: ElementType.UINT16, rawData: raw(0xfe, 0xff) }, 65534],
    ['int16 raw', { dataType: ElementType.INT16, rawData: raw(0xfe, 0xff) }, -2],
    ['int32 raw', { dataType: ElementType.INT32, rawData: raw(0xfe, 0xff, 0xff, 0xff) }, -2],
    ['int32_data', { dataType: ElementType.INT32, int32Data: [-2] }, -2],
    ['uint32 in uint64_data', { dataType: ElementType.UINT32, uint64Data: [4294967295] }, 4294967295],
    [
      'int64 raw',
      { dataType: ElementType.INT64, rawData: raw(0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff) },
      -2,
    ],
    ['int64_data', { dataType: ElementType.INT64, int64Data: [-2] }, -2],
    ['uint64_data', { dataType: ElementType.UINT64, uint64Data: [2 ** 53] }, 2 ** 53],
    ['bool raw', { dataType: ElementType.BOOL, rawData: raw(1) }, 1],
    ['bool in int32_data', { dataType: ElementType.BOOL, int32Data: [5] }, 1],
  ] as const)('%s', (_, tensor, expected) => {
    expect(decode({ dims: [1], ...tensor } as ITensorProto)).toEqual([expected]);
  });

  it('refuses what does not fit', () => {
    const float = ElementType.FLOAT;
    expect(codeOf(() => decode({ dims: [2], dataType: float, rawData: raw(0, 0, 0, 0) }))).toBe(
      'INVALID_TENSOR',
    );
    expect(codeOf(() => decode({ dims: [2], dataType: float, floatData: [1] }))).toBe('INVALID_TENSOR');
    expect(codeOf(() => decode({ dims: [-1], dataType: float, floatData: [1] }))).toBe('INVALID_TENSOR');
    expect(codeOf(() => decode({ dims: [1 << 20, 1 << 20], dataType: float }))).toBe('TENSOR_TOO_LARGE');
    expect(codeOf(() => decode({ dims: [2 ** 27], dataType: float }))).toBe('INVALID_TENSOR');
    expect(codeOf(() => decode({ dims: [1], dataType: ElementType.STRING }))).toBe('UNSUPPORTED_TYPE');
    // Types newer than the schema (uint4, float8 …).
    expect(codeOf(() => decode({ dims: [1], dataType: 21 }))).toBe('UNSUPPORTED_TYPE');
  });
});

describe('external data', () => {
  let root = '';
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'external-data-'));
    mkdirSync(join(root, 'model'));
    writeFileSync(join(root, 'model', 'weights.bin'), raw(9, 9, 1, 2, 3));
    writeFileSync(join(root, 'secret.bin'), raw(1, 2, 3));
    symlinkSync(join(root, 'secret.bin'), join(root, 'model', 'link.bin'));
  });
  afterAll(() => rmSync(root, { recursive: true }));

  const read = (location: string, offset?: string, length?: string): number[] =>
    decode(
      {
        dims: [3],
        dataType: ElementType.UINT8,
        dataLocation: 1,
        externalData: [
          { key: 'location', value: location },
          ...(offset === undefined ? [] : [{ key: 'offset', value: offset }]),
          ...(length === undefined ? [] : [{ key: 'length', value: length }]),
        ],
      },
      join(root, 'model'),
    );

  it('reads the part of a file in the directory of the model', () => {
    expect(read('weights.bin', '2', '3')).toEqual([1, 2, 3]);
    expect(read('./weights.bin')).toEqual([9, 9, 1]);
  });

  it.each([
    ['a parent', '../secret.bin'],
    ['an absolute path', '/etc/hostname'],
    ['a link that leads out', 'link.bin'],
    ['the directory itself', '.'],
    ['a file that is not there', 'nothing.bin'],
    ['no location', ''],
    ['a null byte', 'weights.bin\0'],
  ])('refuses %s', (_, location) => {
    expect(codeOf(() => read(location))).toBe('EXTERNAL_DATA');
  });

  it('checks offset and length', () => {
    expect(codeOf(() => read('weights.bin', '3', '3'))).toBe('EXTERNAL_DATA');
    expect(codeOf(() => read('weights.bin', '0', '4'))).toBe('EXTERNAL_DATA');
    expect(codeOf(() => read('weights.bin', '-1', '3'))).toBe('EXTERNAL_DATA');
    expect(codeOf(() => read('weights.bin', '1e2', '3'))).toBe('EXTERNAL_DATA');
  });

  it('needs a directory', () => {
    expect(codeOf(() => decode({ dims: [1], dataType: ElementType.UINT8, dataLocation: 1 }))).toBe(
      'EXTERNAL_DATA',
    );
  });
});

describe('decodeModel', () => {
  it('refuses what is no model', () => {
    expect(codeOf(() => decodeModel(raw(1, 2, 3, 4, 5), null))).toBe('MODEL_MALFORMED');
    expect(codeOf(() => decodeModel(raw(), null))).toBe('MODEL_EMPTY');
    expect(codeOf(() => decodeModel(new ModelBuilder(13, 'com.example').bytes(), null))).toBe(
      'OPSET_MISSING',
    );
  });

  it('reads nodes', () => {
    const [node] = decodeModel(new ModelBuilder().node('Relu', ['x'], ['y']).bytes(), null).nodes;
    expect(node).toMatchObject({ name: 'Relu_0', op: 'Relu', domain: '', inputs: ['x'], outputs: ['y'] });
  });
});
