import { describe, expect, it } from 'vitest';
import { identity } from '../linear/sparse-matrix.ts';
import { LinearGraphBuilder, consumersOf, elementwise, prune } from './linear-graph-builder.ts';

const rest = { layer: 'l', shape: [2], bound: 1 };

function example(): ReturnType<LinearGraphBuilder['build']> {
  const builder = new LinearGraphBuilder();
  const unused = builder.add({ kind: 'input', name: 'unused', ...rest });
  builder.add(elementwise(unused, Float64Array.of(1, 2), null, rest));
  const x = builder.add({ kind: 'input', name: 'x', ...rest });
  const square = builder.add({ kind: 'product', left: x, right: x, ...rest });
  return builder.build('example', [{ name: 'y', node: square }]);
}

describe('LinearGraphBuilder', () => {
  it('numbers nodes in order and refuses sources that come later', () => {
    const builder = new LinearGraphBuilder();
    const terms = [{ source: 0, matrix: identity(2) }];
    expect(() => builder.add({ kind: 'linear', terms, bias: null, ...rest })).toThrow(/not before it/);
    expect(builder.add({ kind: 'input', name: 'x', ...rest })).toBe(0);
    expect(builder.add({ kind: 'linear', terms, bias: null, ...rest })).toBe(1);
    expect(() => builder.node(2)).toThrow(/no node 2/);
  });

  it('lists consumers once each', () => {
    expect(consumersOf(example())).toEqual([[1], [], [3], []]);
  });
});

describe('prune', () => {
  it('drops what no output needs, keeps inputs, renumbers', () => {
    const pruned = prune(example());
    expect(pruned.nodes.map((node) => node.kind)).toEqual(['input', 'input', 'product']);
    expect(pruned.nodes[2]).toMatchObject({ id: 2, left: 1, right: 1 });
    expect(pruned.outputs).toEqual([{ name: 'y', node: 2 }]);
  });
});
