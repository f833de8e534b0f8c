import { describe, expect, it } from 'vitest';
import type { AttributeValue, TensorGraph } from '../ir/tensor-graph.ts';
import { ModelBuilder, randomTensor, randomValues } from '../onnx/testing/model-builder.ts';
import { interpret, maxDifference } from '../onnx/testing/reference.ts';
import { findSites } from './approximation/sites.ts';
import { splitMaxPools } from './split-max-pools.ts';

const TWO = { kernel_shape: [2, 2], strides: [2, 2] };

function model(before: string | null, attributes: Record<string, AttributeValue> = TWO): ModelBuilder {
  const builder = new ModelBuilder()
    .input('x', [1, 3, 7, 6])
    .constant('w', randomTensor([3, 3, 1, 1], 5))
    .node('Conv', ['x', 'w'], ['c']);
  if (before !== null) builder.node(before, ['c'], ['a']);
  return builder.node('MaxPool', [before === null ? 'c' : 'a'], ['y'], attributes).output('y');
}

function operators({ nodes }: TensorGraph): string[] {
  return nodes.map(({ op }) => op);
}

function expectSameValues(before: TensorGraph, after: TensorGraph): void {
  const inputs = new Map([['x', randomValues(3 * 7 * 6, 7)]]);
  const [given, made] = [before, after].map((graph) => interpret(graph, inputs).get('y')!);
  expect(maxDifference(given!, made!)).toBeLessThan(1e-6);
}

describe('a max-pool', () => {
  it.each([
    ['2 × 2', TWO],
    ['3 × 3, overlapping', { kernel_shape: [3, 3], strides: [2, 2] }],
    ['padded', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }],
    ['dilated', { kernel_shape: [2, 3], dilations: [3, 2] }],
    ['that rounds up', { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }],
  ])('%s: becomes absolute values of differences, one a round, and computes the same', (_, attributes) => {
    const graph = model(null, attributes).graph();
    const split = splitMaxPools(graph)!;
    expect(operators(split)).not.toContain('MaxPool');
    expectSameValues(graph, split);
    const rounds = attributes.kernel_shape.reduce((sum, size) => sum + Math.ceil(Math.log2(size)), 0);
    expect(findSites(split, new Map()).map(({ nodes }) => nodes.map(({ op }) => op))).toEqual(
      new Array(rounds).fill(['Abs']),
    );
  });

  it('has an increasing activation before it come behind', () => {
    const graph = model('Relu').graph();
    const split = splitMaxPools(graph)!;
    expect(operators(split).filter((op) => ['Relu', 'Abs'].includes(op))).toEqual(['Abs', 'Abs', 'Relu']);
    expect(split.nodes.at(-1)).toMatchObject({ op: 'Relu', outputs: ['y'] });
    expectSameValues(graph, split);
  });

  it.each([
    ['that is not increasing', model('Abs')],
    ['that something else reads', model('Relu').node('Identity', ['a'], ['other']).output('other')],
    ['that is an output', model('Relu').output('a')],
  ])('leaves an activation %s where it is', (_, builder) => {
    const graph = builder.graph();
    const split = splitMaxPools(graph)!;
    const made = operators(split);
    expect(made.indexOf(graph.nodes[1]!.op)).toBe(1);
    expect(made).not.toContain('MaxPool');
    expectSameValues(graph, split);
  });

  it('stays where somebody has chosen for it, for the activation before it, or for all', () => {
    const graph = model('Relu').graph();
    for (const name of ['*', graph.nodes[1]!.name, graph.nodes[2]!.name])
      expect(splitMaxPools(graph, new Set([name]))).toBeNull();
  });

  it('of windows of one needs nothing', () => {
    expect(splitMaxPools(model('Relu', { kernel_shape: [1, 1] }).graph())).toBeNull();
  });
});
