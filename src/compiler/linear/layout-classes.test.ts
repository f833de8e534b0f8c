import { describe, expect, it } from 'vitest';
import { latticeNeeds } from './lattice-needs.ts';
import { layoutClasses } from './layout-classes.ts';
import { identity } from './sparse-matrix.ts';
import { dense, graphOf } from './testing/maps.ts';

describe('layoutClasses', () => {
  it('keeps polynomials with their sources and says which values must be clean', () => {
    const graph = graphOf(
      [8],
      [
        { shape: [8], matrix: dense(8, 8) },
        { degree: 2 },
        { shape: [8], matrix: dense(8, 8) },
        { degree: 4 },
        { shape: [2], matrix: dense(2, 8) },
      ],
    );
    const classes = layoutClasses(graph);
    expect(classes[1]).toBe(classes[2]);
    expect(classes[3]).toBe(classes[4]);
    expect(new Set(classes).size).toBe(4);
    expect(classes[1]).toMatchObject({ clean: false, output: false, lastUse: 3 });
    expect(classes[3]).toMatchObject({ clean: true, output: false, lastUse: 5 });
    expect(classes[5]).toMatchObject({ clean: true, output: true, lastUse: graph.nodes.length });
  });

  it('joins both sides of a product', () => {
    const graph = graphOf(
      [4],
      [
        { shape: [4], matrix: identity(4) },
        { shape: [4], matrix: identity(4), source: 0 },
      ],
    );
    const product = { kind: 'product', id: 3, layer: 'p', shape: [4], bound: 1, left: 1, right: 2 } as const;
    const classes = layoutClasses({ ...graph, nodes: [...graph.nodes, product] });
    expect(classes[1]).toBe(classes[2]);
    expect(classes[1]).toBe(classes[3]);
    expect(classes[0]).not.toBe(classes[1]);
  });
});

describe('latticeNeeds', () => {
  const chain = graphOf(
    [1, 1, 8, 8],
    [
      { shape: [1, 1, 4, 4], matrix: dense(16, 64) },
      { shape: [1, 1, 16, 16], matrix: dense(256, 16) },
    ],
  );

  it('adds up strides: room for the widest value, a gap for the finest', () => {
    const strides = [[], [2, 2], [0.25, 0.25]];
    const needs = latticeNeeds(chain, 0, (node) => strides[node]!);
    expect(needs).toEqual({ room: [16, 16], gaps: [2, 2], split: [2, 2] });
  });

  it('asks for nothing behind maps without spatial structure', () => {
    expect(latticeNeeds(chain, 0, () => null)).toEqual({ room: [8, 8], gaps: [1, 1], split: [1, 1] });
  });
});
