import { expect, it } from 'vitest';
import { depthOf } from '../ir/leveled-graph.ts';
import { dense, graphOf } from '../linear/testing/maps.ts';
import { placeLevels } from './place-levels.ts';

const map = { shape: [1, 4], matrix: dense(4, 4) };

it('every value is as low as its readers permit, outputs at level 0', () => {
  const leveled = placeLevels(graphOf([1, 4], [map, { degree: 8 }, map, { degree: 2 }, map]));
  // One level for each map, three for the polynomial of degree 8, one for the square.
  expect(leveled.levels).toEqual([7, 6, 3, 2, 1, 0]);
  expect(depthOf(leveled)).toBe(7);
});

it('a value has the level of the reader that needs most', () => {
  const chain = graphOf([1, 4], [map, map, map]);
  const outputs = [...chain.outputs, { name: 'first', node: 1 }];
  expect(placeLevels({ ...chain, outputs }).levels).toEqual([3, 2, 1, 0]);
});

it('what a step takes may be told', () => {
  const leveled = placeLevels(graphOf([1, 4], [map, map, { degree: 4 }]), (node, source) =>
    node.kind === 'linear' && source.kind === 'linear' ? 0 : 1,
  );
  expect(leveled.levels).toEqual([2, 1, 1, 0]);
});
