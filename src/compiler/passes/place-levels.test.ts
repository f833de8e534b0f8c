import { expect, it } from 'vitest';
import type { LinearGraph } from '../ir/linear-graph.ts';
import { withRefreshes } from '../ir/testing/with-refreshes.ts';
import { dense, graphOf } from '../linear/testing/maps.ts';
import { REFRESH_LEVELS } from '../targets/refresh-chains.ts';
import { placeLevels } from './place-levels.ts';

const map = { shape: [1, 4], matrix: dense(4, 4) };

it('every value is as low as its readers permit, outputs at level 0', () => {
  const leveled = placeLevels(graphOf([1, 4], [map, { degree: 8 }, map, { degree: 2 }, map]));
  // One level for each map, three for the polynomial of degree 8, one for the square.
  expect(leveled.levels).toEqual([7, 6, 3, 2, 1, 0]);
  expect(leveled.length.depth).toBe(7);
});

it('a value has the level of the reader that needs most', () => {
  const chain = graphOf([1, 4], [map, map, map]);
  const outputs = [...chain.outputs, { name: 'first', node: 1 }];
  expect(placeLevels({ ...chain, outputs }).levels).toEqual([3, 2, 1, 0]);
});

it('what a step takes may be told', () => {
  const leveled = placeLevels(graphOf([1, 4], [map, map, { degree: 4 }]), null, (node, source) =>
    node.kind === 'linear' && source.kind === 'linear' ? 0 : 1,
  );
  expect(leveled.levels).toEqual([2, 1, 1, 0]);
});

it('a refresh starts anew: its source at the levels that it takes there, its result where the neediest reader asks for', () => {
  const graph: LinearGraph = graphOf([1, 4], [map, { degree: 2 }, map, { degree: 8 }, map]);
  const { levels, length } = placeLevels(withRefreshes(graph), REFRESH_LEVELS);
  // input, map, [refresh, square], map, [refresh, degree 8], map: outputs leave the bottom to refreshes.
  expect(levels).toEqual([3, 2, 6, 3, 2, 6, 3, 2]);
  expect(length).toEqual({ depth: 6 + REFRESH_LEVELS.top, refreshed: 6 });
});

it('a refresh for a target that has none is a fault of the compiler', () => {
  const graph = withRefreshes(graphOf([1, 4], [map, { degree: 2 }, map]));
  expect(() => placeLevels(graph)).toThrow('refreshes for a target that has none');
});

it('what comes before the first refresh may take the whole chain, which is as long as it needs', () => {
  const long = graphOf([1, 4], [...Array.from({ length: 20 }, () => map), { degree: 2 }, map]);
  const { levels, length } = placeLevels(withRefreshes(long), REFRESH_LEVELS);
  expect(levels[0]).toBe(2 + 20);
  expect(length).toEqual({ depth: 22, refreshed: 22 - REFRESH_LEVELS.top });
});
