import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ElementType, EXTERNAL_LOCATION } from '../../onnx/proto.ts';
import { ModelBuilder, tensor } from '../onnx/testing/model-builder.ts';
import type { Dataset } from '../options.ts';
import { evaluateModel } from './evaluate-model.ts';
import { feedableModel } from './feedable-model.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-feedable-'));
});
afterAll(() => rm(folder, { recursive: true }));

const SAMPLES: Dataset = {
  description: 'two samples',
  size: 2,
  sample: (index) => Float32Array.of(1 + index, 2, 3),
  label: () => null,
};

describe('feedableModel', () => {
  it.each([
    ['float16', ElementType.FLOAT16],
    ['double', ElementType.DOUBLE],
    ['uint8', ElementType.UINT8],
    ['int64', ElementType.INT64],
  ])('lets a model of %s inputs take float32', async (_, type) => {
    const bytes = new ModelBuilder(17)
      .input('x', ['N', 3], type)
      .input('two', [], ElementType.FLOAT)
      .constant('two', tensor([], [2]))
      .node('Cast', ['x'], ['c'], { to: ElementType.FLOAT })
      .node('Mul', ['c', 'two'], ['y'])
      .output('y')
      .bytes();
    await expect(evaluateModel(bytes, SAMPLES)).rejects.toMatchObject({ code: 'REFERENCE_FAILED' });
    const { outputs } = await evaluateModel(feedableModel(bytes, folder), SAMPLES);
    expect([...outputs]).toEqual([2, 4, 6, 4, 4, 6]);
  });

  it('reads halves that come out', async () => {
    const bytes = new ModelBuilder(17)
      .input('x', ['N', 3])
      .node('Cast', ['x'], ['y'], { to: ElementType.FLOAT16 })
      .output('y')
      .bytes();
    // The declared type of the output is float32, which onnxruntime does not accept.
    await expect(evaluateModel(bytes, SAMPLES)).rejects.toMatchObject({ code: 'REFERENCE_FAILED' });
    const half = new ModelBuilder(17)
      .input('x', ['N', 3])
      .node('Cast', ['x'], ['y'], { to: ElementType.FLOAT16 })
      .output('y', null, ElementType.FLOAT16)
      .bytes();
    expect([...(await evaluateModel(half, SAMPLES)).outputs]).toEqual([1, 2, 3, 2, 2, 3]);
  });

  it('takes weights in from files beside the model', async () => {
    await writeFile(join(folder, 'weights.bin'), new Uint8Array(Float32Array.of(9, 10, 20, 30).buffer));
    const model = (location: string): Uint8Array =>
      new ModelBuilder(17)
        .input('x', ['N', 3])
        .initializer({
          name: 'w',
          dims: [3],
          dataType: ElementType.FLOAT,
          dataLocation: EXTERNAL_LOCATION,
          externalData: [
            { key: 'location', value: location },
            { key: 'offset', value: '4' },
          ],
        })
        .node('Mul', ['x', 'w'], ['y'])
        .output('y')
        .bytes();
    const { outputs } = await evaluateModel(feedableModel(model('weights.bin'), folder), SAMPLES);
    expect([...outputs]).toEqual([10, 40, 90, 20, 40, 90]);
    expect(() => feedableModel(model('../weights.bin'), folder)).toThrow(/external data/);
  });

  it('leaves other files as they are', () => {
    const plain = new ModelBuilder(17).input('x', ['N', 3]).node('Relu', ['x'], ['y']).output('y').bytes();
    expect(feedableModel(plain, folder)).toBe(plain);
    const damaged = Uint8Array.of(255, 1);
    expect(feedableModel(damaged, folder)).toBe(damaged);
  });
});
