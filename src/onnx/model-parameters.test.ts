import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeTensor } from './encode-tensor.ts';
import { importModel } from '../compiler/onnx/import.ts';
import {
  layoutDigest,
  lengthOf,
  readParameters,
  replaceParameters,
  requireLayout,
  subtractParameters,
} from './model-parameters.ts';
import { ElementType, ModelProto } from './proto.ts';
import { DEFAULT_IMPORT, integers, tensor } from '../compiler/onnx/testing/model-builder.ts';

const DIGITS = readFileSync(join(import.meta.dirname, '../../fixtures/digits-square.onnx'));

function file(...initializer: ReturnType<typeof encodeTensor>[]): Uint8Array {
  return ModelProto.encode({ irVersion: 8, graph: { name: 'g', initializer } }).finish();
}

const TWO = file(
  encodeTensor('w', tensor([2, 2], [1, 2, 3, 4]), 'float'),
  encodeTensor('shape', integers(2, 2), 'int'),
  encodeTensor('b', tensor([2], [5, 6]), 'float'),
);

describe('the trained numbers of a file', () => {
  it('are its floating-point initialisers in order', () => {
    const { layout, values } = readParameters(TWO, 'two');
    expect(layout).toEqual([
      { name: 'w', shape: [2, 2] },
      { name: 'b', shape: [2] },
    ]);
    expect([...values]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(lengthOf(layout)).toBe(6);
    expect([...readParameters(TWO, 'two', ['w']).values]).toEqual([5, 6]);
  });

  it('come back out of a file that they were written into, which is otherwise the same', () => {
    const changed = replaceParameters(TWO, Float64Array.of(6, 5, 4, 3, 2, 1), 'two');
    expect([...readParameters(changed, 'two').values]).toEqual([6, 5, 4, 3, 2, 1]);
    const frozen = replaceParameters(TWO, Float64Array.of(9, 9), 'two', ['w']);
    expect([...readParameters(frozen, 'two').values]).toEqual([1, 2, 3, 4, 9, 9]);
    const again = replaceParameters(changed, Float64Array.of(1, 2, 3, 4, 5, 6), 'two');
    expect(ModelProto.toObject(ModelProto.decode(again))).toEqual(
      ModelProto.toObject(ModelProto.decode(TWO)),
    );
  });

  it('keep doubles and typed fields', () => {
    const raw = new Uint8Array(Float64Array.of(0.1, 0.2).buffer);
    const mixed = file(
      { name: 'd', dims: [2], dataType: ElementType.DOUBLE, rawData: raw },
      { name: 'f', dims: [2], dataType: ElementType.FLOAT, floatData: [1, 2] },
    );
    const changed = replaceParameters(mixed, Float64Array.of(0.3, 0.7, 0.5, 0.25), 'mixed');
    expect([...readParameters(changed, 'mixed').values]).toEqual([0.3, 0.7, 0.5, 0.25]);
    // A tensor has its data once.
    expect(ModelProto.decode(changed).graph!.initializer!.map(({ floatData }) => floatData)).toEqual([
      [],
      [],
    ]);
  });

  it('make a model that the compiler takes', () => {
    const { layout, values } = readParameters(DIGITS, 'digits');
    const half = replaceParameters(
      DIGITS,
      values.map((value) => value / 2),
      'digits',
    );
    const [before, after] = [DIGITS, half].map((bytes) => importModel(bytes, DEFAULT_IMPORT));
    const name = layout[0]!.name;
    expect([...after!.constants.get(name)!.data]).toEqual(
      [...before!.constants.get(name)!.data].map((value) => Math.fround(value / 2)),
    );
    expect(after!.nodes.length).toBe(before!.nodes.length);
  });

  it.each([
    ['MODEL_MALFORMED', Buffer.from('no model'), []],
    ['WEIGHTS_NONE', file(encodeTensor('i', integers(1), 'int')), []],
    ['WEIGHTS_UNKNOWN', TWO, ['v']],
    [
      'WEIGHTS_UNSUPPORTED',
      file({ name: 'h', dims: [1], dataType: ElementType.FLOAT16, int32Data: [0] }),
      [],
    ],
    ['NONFINITE_CONSTANT', file(encodeTensor('w', tensor([1], [NaN]), 'float')), []],
    [
      'DUPLICATE_NAME',
      file(encodeTensor('w', tensor([1], [1]), 'float'), encodeTensor('w', tensor([1], [1]), 'float')),
      [],
    ],
    [
      'EXTERNAL_DATA',
      file({ name: 'w', dims: [1], dataType: ElementType.FLOAT, dataLocation: 1, externalData: [] }),
      [],
    ],
  ])('are refused with %s', (code, bytes, frozen) => {
    expect(() => readParameters(bytes, 'it', frozen)).toThrow(expect.objectContaining({ code }) as Error);
  });

  it('are as many as the file has', () => {
    for (const count of [5, 7])
      expect(() => replaceParameters(TWO, new Float64Array(count), 'two')).toThrow(
        expect.objectContaining({ code: 'WEIGHTS_MISMATCH' }) as Error,
      );
  });
});

describe('what training changed', () => {
  const [before, after] = [TWO, replaceParameters(TWO, Float64Array.of(2, 2, 2, 2, 2, 2), 'two')].map(
    (bytes) => readParameters(bytes, 'two'),
  );

  it('is after − before', () => {
    expect([...subtractParameters(before!, after!, before!.layout)]).toEqual([1, 0, -1, -2, -3, -4]);
  });

  it('takes two models of the template', () => {
    const renamed = [{ name: 'v', shape: [2, 2] }, before!.layout[1]!];
    expect(() => subtractParameters(before!, after!, renamed)).toThrow("'w' of shape [2, 2] where");
    const reshaped = [{ name: 'w', shape: [4] }, before!.layout[1]!];
    expect(() => requireLayout(before!.layout, reshaped, 'it')).toThrow("'w' of shape [4]");
    expect(() => requireLayout(before!.layout.slice(0, 1), before!.layout, 'it')).toThrow(
      'has nothing where',
    );
    expect(layoutDigest(before!.layout)).not.toBe(layoutDigest(renamed));
    expect(layoutDigest(before!.layout)).not.toBe(layoutDigest(reshaped));
  });
});
