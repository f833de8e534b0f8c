import { describe, expect, it } from 'vitest';
import type { TensorGraph } from '../ir/tensor-graph.ts';
import { float, ModelBuilder, randomTensor, randomValues, tensor } from '../onnx/testing/model-builder.ts';
import { interpret, maxDifference } from '../onnx/testing/reference.ts';
import { findSites } from './approximation/sites.ts';
import { joinActivations } from './join-activations.ts';

/** A fire module: two convolutions of one value, their activations side by side, a max-pool behind them. */
function fire(second = 'Relu', axis = 1): ModelBuilder {
  const builder = new ModelBuilder().input('x', [1, 3, 4, 4]);
  for (const [index, name] of ['a', 'b'].entries()) {
    builder.constant(`w${name}`, randomTensor([3, 3, 1, 1], index));
    builder.node('Conv', ['x', `w${name}`], [name]);
    builder.node(name === 'a' ? 'Relu' : second, [name], [`f${name}`]);
  }
  builder.node('Concat', ['fa', 'fb'], ['both'], { axis });
  return builder.node('MaxPool', ['both'], ['y'], { kernel_shape: [2, 2], strides: [2, 2] }).output('y');
}

function expectSameValues(before: TensorGraph, after: TensorGraph): void {
  const inputs = new Map([['x', randomValues(48, 7)]]);
  const [given, made] = [before, after].map((graph) => interpret(graph, inputs).get('y')!);
  expect(maxDifference(given!, made!)).toBe(0);
}

describe('activations of branches that are concatenated', () => {
  it('become one, and one site with the max-pool behind it', () => {
    const graph = fire().graph();
    const joined = joinActivations(graph);
    expect(joined.nodes.map(({ op }) => op)).toEqual(['Conv', 'Conv', 'Concat', 'Relu', 'MaxPool']);
    expect(findSites(joined, new Map())).toHaveLength(1);
    expectSameValues(graph, joined);
  });

  it('from the inside out, where concatenations lie within each other', () => {
    const nested = new ModelBuilder().input('x', [1, 3, 4, 4]);
    for (const name of ['a', 'b', 'c']) {
      nested.constant(`w${name}`, randomTensor([3, 3, 1, 1], 1)).node('Conv', ['x', `w${name}`], [name]);
      nested.node('LeakyRelu', [name], [`f${name}`], { alpha: float(0.2) });
    }
    nested.node('Concat', ['fa', 'fb'], ['both'], { axis: 1 });
    nested.node('Concat', ['both', 'fc'], ['y'], { axis: 1 }).output('y');
    const joined = joinActivations(nested.graph());
    expect(joined.nodes.map(({ op }) => op)).toEqual([
      'Conv',
      'Conv',
      'Concat',
      'Conv',
      'Concat',
      'LeakyRelu',
    ]);
    expectSameValues(nested.graph(), joined);
  });

  it.each(['different', 'alike'])('with bounds that are %s', (bounds) => {
    const builder = new ModelBuilder().input('x', [1, 2, 2, 2]);
    for (const [index, name] of ['a', 'b'].entries()) {
      builder
        .constant(`low${name}`, tensor([], [0]))
        .constant(`high${name}`, tensor([], [bounds === 'alike' ? 6 : 5 + index]));
      builder.constant(`w${name}`, randomTensor([2, 2, 1, 1], index)).node('Conv', ['x', `w${name}`], [name]);
      builder.node('Clip', [name, `low${name}`, `high${name}`], [`f${name}`]);
    }
    const graph = builder.node('Concat', ['fa', 'fb'], ['y'], { axis: 1 }).output('y').graph();
    expect(joinActivations(graph).nodes.filter(({ op }) => op === 'Clip')).toHaveLength(
      bounds === 'alike' ? 1 : 2,
    );
  });
});

describe('they stay as they are', () => {
  it.each([
    ['where they differ', fire('Sigmoid')],
    ['along an axis other than that of channels', fire('Relu', 2)],
    ['where something else reads them', fire().node('Identity', ['fa'], ['other']).output('other')],
    ['where they are outputs', fire().output('fb')],
  ])('%s', (_, builder) => {
    const graph = builder.graph();
    expect(joinActivations(graph)).toBe(graph);
  });

  it('where one has been chosen something for', () => {
    const graph = fire().graph();
    const name = graph.nodes.find(({ op }) => op === 'Relu')!.name;
    expect(joinActivations(graph, new Set([name]))).toBe(graph);
  });
});
