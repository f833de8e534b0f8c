import { describe, expect, it } from 'vitest';
import { BackendError, CompileError } from '../../errors.ts';
import { encodeOnnx } from '../onnx/encode.ts';
import { makeGraph, randomDataset, smallConvNet, tensor } from '../passes/approximation/testing/graphs.ts';
import { Blas } from './blas.ts';
import { evaluateModel } from './evaluate-model.ts';
import { executeNode } from './execute-node.ts';
import { OnnxRunner } from './onnx-runner.ts';
import { Session } from './session.ts';

describe('OnnxRunner', () => {
  it('gives the same for a batch, in order, as for single samples', async () => {
    const graph = smallConvNet();
    const dataset = randomDataset(72, 150, 1);
    const all = Float32Array.from(Array.from({ length: 150 }, (_, i) => [...dataset.sample(i, 0)]).flat());
    await using runner = await OnnxRunner.open(graph);
    const [batch] = await runner.run([all], 150);
    expect(batch).toHaveLength(600);
    for (const i of [0, 63, 64, 149]) {
      const [one] = await runner.run([dataset.sample(i, 0)], 1);
      for (let k = 0; k < 4; k++) expect(batch![i * 4 + k]).toBeCloseTo(one![k]!, 5);
    }
  });

  it('is reproducible to the bit', async () => {
    const graph = smallConvNet();
    const dataset = randomDataset(72, 64, 1);
    const first = await evaluateModel(graph, dataset);
    for (let i = 0; i < 3; i++) expect((await evaluateModel(graph, dataset)).outputs).toEqual(first.outputs);
  });

  it('runs graphs whose first axis is no batch axis sample by sample', async () => {
    const graph = makeGraph(
      { x: [2, 3] },
      [{ op: 'Transpose', inputs: ['x'], output: 'y', shape: [3, 2], attributes: { perm: [1, 0] } }],
      {},
      ['y'],
    );
    await using runner = await OnnxRunner.open(graph);
    const [result] = await runner.run([Float32Array.of(1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60)], 2);
    expect([...result!]).toEqual([1, 4, 2, 5, 3, 6, 10, 40, 20, 50, 30, 60]);
  });

  it('names the node that onnxruntime rejects', async () => {
    const graph = makeGraph(
      { x: [1, 4] },
      [{ op: 'Gemm', inputs: ['x', 'w'], output: 'bad-layer', shape: [1, 2] }],
      { w: tensor([3, 2], [1, 2, 3, 4, 5, 6]) },
      ['bad-layer'],
    );
    const failure = await executeNode(graph, graph.nodes[0]!, new Map([['x', new Float32Array(4)]])).then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(CompileError);
    expect(failure).toMatchObject({ code: 'REFERENCE_FAILED', node: 'bad-layer' });
  });

  it('rejects what is no model at all', async () => {
    await expect(Session.open(new Uint8Array([1, 2, 3]), 'nonsense')).rejects.toThrow(/nonsense/);
  });
});

describe('evaluateModel', () => {
  const dataset = randomDataset(72, 100, 2);

  it('gives the same from a graph and from its file, batch free or fixed', async () => {
    const graph = smallConvNet();
    const expected = await evaluateModel(graph, dataset, { limit: 70 });
    expect(expected.shape).toEqual([1, 4]);
    expect(expected.outputs).toHaveLength(280);
    for (const batch of ['symbolic', 'static'] as const) {
      const { outputs, shape } = await evaluateModel(encodeOnnx(graph, { batch }), dataset, { limit: 70 });
      expect(shape).toEqual([1, 4]);
      for (let i = 0; i < 280; i++) expect(outputs[i]).toBeCloseTo(expected.outputs[i]!, 5);
    }
  });

  it('refuses samples that do not fit the file', async () => {
    const file = encodeOnnx(smallConvNet(), { batch: 'static' });
    await expect(evaluateModel(file, randomDataset(71, 3, 1))).rejects.toMatchObject({
      code: 'DATASET_MISMATCH',
    });
  });

  it('stops when asked to', async () => {
    const progress = { report: () => undefined, signal: AbortSignal.abort() };
    await expect(evaluateModel(smallConvNet(), dataset, { progress })).rejects.toThrow(BackendError);
  });
});

describe('Blas', () => {
  it('multiplies AᵀB over row blocks', async () => {
    await using blas = await Blas.open();
    const rows = 5000;
    const product = await blas.transposedProduct(rows, 2, 3, (start, count, { left, right }) => {
      for (let i = 0; i < count; i++) {
        left.set([1, start + i], i * 2);
        right.set([1, 2, start + i], i * 3);
      }
    });
    const sum = (rows * (rows - 1)) / 2;
    const squares = ((rows - 1) * rows * (2 * rows - 1)) / 6;
    expect([...product]).toEqual([rows, 2 * rows, sum, sum, 2 * sum, squares]);
  });
});
