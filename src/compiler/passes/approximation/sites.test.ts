import { describe, expect, it } from 'vitest';
import type { ActivationChoice } from '../../options.ts';
import { findSites } from './sites.ts';
import { makeGraph, smallConvNet } from './testing/graphs.ts';

const choices = (entries: Record<string, ActivationChoice>): Map<string, ActivationChoice> =>
  new Map(Object.entries(entries));

describe('findSites', () => {
  it('joins an activation with the max-pool that follows it', () => {
    const sites = findSites(smallConvNet('MaxPool'), new Map());
    expect(sites.map((site) => site.name)).toEqual(['relu1+pool', 'relu2']);
    expect(sites[0]).toMatchObject({ input: 'conv', output: 'pool', fixed: null });
  });

  it('does not join across average pooling, a second consumer, or a faithful one', () => {
    expect(findSites(smallConvNet(), new Map()).map((site) => site.name)).toEqual(['relu1', 'relu2']);
    const faithful = findSites(
      smallConvNet('MaxPool'),
      choices({ relu1: { kind: 'relu-composite', alpha: 8 } }),
    );
    expect(faithful.map((site) => site.name)).toEqual(['relu1', 'pool', 'relu2']);
    expect(faithful[1]!.fixed).toBeNull();
    const shared = makeGraph(
      { x: [1, 1, 4, 4] },
      [
        { op: 'Relu', inputs: ['x'], output: 'r', shape: [1, 1, 4, 4] },
        {
          op: 'MaxPool',
          inputs: ['r'],
          output: 'p',
          shape: [1, 1, 2, 2],
          attributes: { kernel_shape: [2, 2], strides: [2, 2] },
        },
        { op: 'Neg', inputs: ['r'], output: 'n', shape: [1, 1, 4, 4] },
      ],
      {},
      ['p', 'n'],
    );
    expect(findSites(shared, new Map()).map((site) => site.name)).toEqual(['r', 'p']);
  });

  it('applies choices by name before those for all', () => {
    const sites = findSites(
      smallConvNet('MaxPool'),
      choices({ '*': { kind: 'degree', degree: 4 }, pool: { kind: 'square' } }),
    );
    expect(sites.map((site) => site.fixed)).toEqual([{ kind: 'square' }, { kind: 'degree', degree: 4 }]);
  });

  it('refuses choices that fit nothing', () => {
    const find = (entries: Record<string, ActivationChoice>) => () =>
      findSites(smallConvNet(), choices(entries));
    expect(find({ nowhere: { kind: 'square' } })).toThrow(/no activation.*nowhere/);
    expect(find({ '*': { kind: 'degree', degree: 2.5 } })).toThrow(/integer from 1 to 32/);
    expect(find({ '*': { kind: 'degree', degree: 33 } })).toThrow(/not 33/);
    expect(find({ relu1: { kind: 'relu-composite', alpha: 3 } })).toThrow(/from 4 to 14/);
  });
});
