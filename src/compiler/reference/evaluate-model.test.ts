import { describe, expect, it } from 'vitest';
import { ModelBuilder, integers, tensor } from '../onnx/testing/model-builder.ts';
import type { Dataset } from '../options.ts';
import { evaluateModel } from './evaluate-model.ts';

/** Sample i is [10 i, 10 i + 1, …]. */
function counting(size: number, elements: number): Dataset {
  const sample = (index: number): Float32Array =>
    Float32Array.from({ length: elements }, (_, e) => 10 * index + e);
  return { description: 'counting', size, sample, label: () => null };
}

describe('evaluateModel of a file', () => {
  it('fills a batch that the model fixes, the last one only in part', async () => {
    const bytes = new ModelBuilder(17).input('x', [2, 3]).node('Neg', ['x'], ['y']).output('y').bytes();
    const { outputs, shape } = await evaluateModel(bytes, counting(3, 3), { inputShapes: [[1, 3]] });
    expect(shape).toEqual([1, 3]);
    expect([...outputs]).toEqual([-0, -1, -2, -10, -11, -12, -20, -21, -22]);
  });

  it('takes the whole axis for one sample where the samples have it', async () => {
    const bytes = new ModelBuilder(17)
      .input('x', [2, 3])
      .node('Transpose', ['x'], ['y'], { perm: [1, 0] })
      .output('y')
      .bytes();
    const { outputs, shape } = await evaluateModel(bytes, counting(2, 6), { inputShapes: [[2, 3]] });
    expect(shape).toEqual([3, 2]);
    expect([...outputs]).toEqual([0, 3, 1, 4, 2, 5, 10, 13, 11, 14, 12, 15]);
  });

  it('tells several free dimensions apart by the shape of a sample', async () => {
    const bytes = new ModelBuilder(17)
      .input('x', ['N', 'H', 'W'])
      .node('Transpose', ['x'], ['y'], { perm: [0, 2, 1] })
      .output('y')
      .bytes();
    await expect(evaluateModel(bytes, counting(2, 6))).rejects.toMatchObject({ code: 'DATASET_MISMATCH' });
    const { outputs, shape } = await evaluateModel(bytes, counting(2, 6), { inputShapes: [[1, 2, 3]] });
    expect(shape).toEqual([1, 3, 2]);
    expect([...outputs]).toEqual([0, 3, 1, 4, 2, 5, 10, 13, 11, 14, 12, 15]);
  });

  it('runs sample by sample where the output has no batch axis', async () => {
    const bytes = new ModelBuilder(17)
      .input('x', ['N', 3])
      .node('ReduceMean', ['x'], ['y'], { keepdims: 0 })
      .output('y')
      .bytes();
    const { outputs } = await evaluateModel(bytes, counting(4, 3));
    expect([...outputs]).toEqual([1, 11, 21, 31]);
  });

  it('gives the output asked for', async () => {
    const bytes = new ModelBuilder(17)
      .input('x', ['N', 3])
      .constant('k', tensor([1], [7]))
      .constant('axes', integers(1))
      .node('Identity', ['k'], ['constant'])
      .node('ReduceSum', ['x', 'axes'], ['sum'])
      .node('Neg', ['x'], ['negative'])
      .output('constant')
      .output('sum')
      .output('negative')
      .bytes();
    const sum = await evaluateModel(bytes, counting(2, 3), { output: 'sum' });
    expect([sum.shape, [...sum.outputs]]).toEqual([
      [1, 1],
      [3, 33],
    ]);
    await expect(evaluateModel(bytes, counting(2, 3), { output: 'other' })).rejects.toMatchObject({
      code: 'DATASET_MISMATCH',
      message: expect.stringContaining('constant, sum, negative') as string,
    });
  });
});
