import { describe, expect, it } from 'vitest';
import { CompileError } from '../../errors.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import { foldConstants } from '../passes/fold-constants.ts';
import { recogniseActivations } from '../passes/recognise-activations.ts';
import { isBatchable } from './batchable.ts';
import { encodeOnnx } from './encode.ts';
import { importModel } from './import.ts';
import {
  DEFAULT_IMPORT,
  ModelBuilder,
  integers,
  randomTensor,
  randomValues,
  tensor,
} from './testing/model-builder.ts';
import { maxDifference, runReference } from './testing/reference.ts';

/** A network with every kind of shape operator, written for a batch of one. */
const network = new ModelBuilder()
  .input('x', [1, 2, 8, 6])
  .constant('w', randomTensor([4, 2, 3, 3], 1))
  .constant('slope', randomTensor([4, 1, 1], 2))
  .constant('axes', integers(2, 3))
  .constant('flat', integers(1, -1))
  .constant('dense', randomTensor([192, 3], 3))
  .constant('sizes', integers(1, 4, 16, 12))
  .constant('zero', integers(0))
  .constant('last', integers(2))
  .constant('axis', integers(1))
  .node('Conv', ['x', 'w'], ['a'], { pads: [1, 1, 1, 1] })
  .node('Mul', ['a', 'a'], ['q'])
  .node('Mul', ['q', 'slope'], ['b'])
  .node('Resize', ['b', '', '', 'sizes'], ['up'], { mode: 'linear' })
  .node('Slice', ['up', 'zero', 'last', 'axis'], ['part'])
  .node('AveragePool', ['part'], ['c'], { kernel_shape: [2, 2], strides: [2, 2] })
  .node('Concat', ['c', 'x'], ['d'], { axis: 1 })
  .node('ReduceMean', ['d', 'axes'], ['m'])
  .node('Sub', ['d', 'm'], ['e'])
  .node('Sigmoid', ['e'], ['s'])
  .node('Mul', ['e', 's'], ['f'])
  .node('Reshape', ['f', 'flat'], ['g'])
  .node('Gemm', ['g', 'dense'], ['y'])
  .output('y');

describe('encodeOnnx', () => {
  it('round-trips a network', async () => {
    const graph = recogniseActivations(foldConstants(network.graph()));
    expect(graph.nodes.map((node) => node.op)).toEqual(
      expect.arrayContaining(['Polynomial', 'Elementwise', 'Resize', 'Reshape']),
    );
    const bytes = encodeOnnx(graph);
    const again = recogniseActivations(foldConstants(importModel(bytes, DEFAULT_IMPORT)));
    expect(again.nodes.map((node) => node.op)).toEqual(graph.nodes.map((node) => node.op));
    const inputs = new Map([['x', randomValues(96, 4).map(Math.fround)]]);
    const shapes = (name: string) => shapeOf(graph, name);
    const expected = (await runReference(network.bytes(), inputs, shapes)).get('y')!;
    expect(maxDifference((await runReference(bytes, inputs, shapes)).get('y')!, expected)).toBeLessThan(1e-5);
    const twice = encodeOnnx(again);
    expect(maxDifference((await runReference(twice, inputs, shapes)).get('y')!, expected)).toBeLessThan(1e-5);
  });

  it('writes a symbolic batch that works for any size', async () => {
    const graph = recogniseActivations(foldConstants(network.graph()));
    expect(isBatchable(graph)).toBe(true);
    const data = randomValues(3 * 96, 5).map(Math.fround);
    const all = await runReference(encodeOnnx(graph, { batch: 'symbolic' }), new Map([['x', data]]), () => [
      3, 2, 8, 6,
    ]);
    const single = encodeOnnx(graph);
    for (let k = 0; k < 3; k++) {
      const one = await runReference(single, new Map([['x', data.slice(96 * k, 96 * (k + 1))]]), () => [
        1, 2, 8, 6,
      ]);
      expect(maxDifference(all.get('y')!.subarray(3 * k, 3 * k + 3), one.get('y')!)).toBeLessThan(1e-5);
    }
  });

  it('writes a part of a graph', async () => {
    const graph = foldConstants(network.graph());
    const node = graph.nodes.find(({ op }) => op === 'AveragePool')!;
    const part = {
      ...graph,
      nodes: [node],
      inputs: [node.inputs[0]!],
      outputs: [...node.outputs],
      clientOperators: [[]],
      constantOutputs: new Map(),
      warnings: [],
    };
    const x = new Float64Array(2 * 16 * 12).fill(0.5);
    const result = await runReference(encodeOnnx(part), new Map([[part.inputs[0]!, x]]), (name) =>
      shapeOf(part, name),
    );
    expect(new Set(result.get('c'))).toEqual(new Set([0.5]));
  });
});

describe('isBatchable', () => {
  const build = (make: (builder: ModelBuilder) => ModelBuilder): boolean =>
    isBatchable(
      make(new ModelBuilder().input('x', [1, 4]))
        .output('y')
        .graph(),
    );

  it('refuses whatever mixes or moves the first axis', () => {
    const flat = integers(-1);
    expect(build((b) => b.node('Relu', ['x'], ['y']))).toBe(true);
    expect(build((b) => b.node('Transpose', ['x'], ['y']))).toBe(false);
    expect(build((b) => b.constant('s', flat).node('Reshape', ['x', 's'], ['y']))).toBe(false);
    expect(build((b) => b.constant('w', randomTensor([3, 1], 1)).node('MatMul', ['w', 'x'], ['y']))).toBe(
      false,
    );
    expect(build((b) => b.constant('c', randomTensor([2, 4], 1)).node('Add', ['x', 'c'], ['y']))).toBe(false);
    expect(
      build((b) => b.constant('c', tensor([1, 1, 4], [1, 2, 3, 4])).node('Add', ['x', 'c'], ['y'])),
    ).toBe(false);
    expect(build((b) => b.node('Concat', ['x', 'x'], ['y'], { axis: 0 }))).toBe(false);
  });

  it('is required for a symbolic batch', () => {
    const graph = new ModelBuilder().input('x', [2, 2]).node('Transpose', ['x'], ['y']).output('y').graph();
    expect(() => encodeOnnx(graph, { batch: 'symbolic' })).toThrow(CompileError);
  });
});
