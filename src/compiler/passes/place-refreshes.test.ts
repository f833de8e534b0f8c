import { describe, expect, it } from 'vitest';
import type { LinearGraph } from '../ir/linear-graph.ts';
import { withRefreshes } from '../ir/testing/with-refreshes.ts';
import { dense, graphOf } from '../linear/testing/maps.ts';
import { placeRefreshes } from './place-refreshes.ts';
import { REFRESH_LEVELS } from '../targets/refresh-chains.ts';

const map = { shape: [1, 4], matrix: dense(4, 4) };

/** So many activations of degree 8, a map before each and after the last. */
function row(activations: number): LinearGraph {
  return graphOf([1, 4], [...Array.from({ length: activations }, () => [map, { degree: 8 }]).flat(), map]);
}

function layersOf(graph: LinearGraph): string[] {
  return graph.nodes.filter(({ kind }) => kind === 'polynomial').map(({ layer }) => layer);
}

describe('in a row of activations', () => {
  const graph = row(12);
  const down = REFRESH_LEVELS.down;

  it('all but the first few need a refresh, where levels reach for one of them', () => {
    const placed = placeRefreshes(withRefreshes(graph), { ...REFRESH_LEVELS, most: down + 4 })!;
    expect(placed.length).toEqual({ depth: down + 4 + REFRESH_LEVELS.top, refreshed: down + 4 });
    // From 17 levels down to 2: three activations with the maps around them.
    expect([...placed.layers]).toEqual(layersOf(graph).slice(3));
  });

  it('every other one does where they reach for two', () => {
    const placed = placeRefreshes(withRefreshes(graph), { ...REFRESH_LEVELS, most: down + 8 })!;
    const layers = layersOf(graph);
    expect([...placed.layers]).toEqual(layers.filter((_, i) => i >= 4 && i % 2 === 0));
  });

  it('none is possible where they reach for less than one', () => {
    expect(placeRefreshes(withRefreshes(graph), { ...REFRESH_LEVELS, most: down + 3 })).toBeNull();
  });
});

it('branches that meet are held to the level of the longer one', () => {
  // x → a → f(a) → b + x: the sum reads what two branches of different length give.
  const graph = graphOf(
    [1, 4],
    [
      map,
      { degree: 8 },
      map,
      { degree: 8 },
      {
        shape: [1, 4],
        terms: [
          [4, dense(4, 4)],
          [2, dense(4, 4)],
        ],
      },
      { degree: 8 },
      map,
    ],
  );
  const placed = placeRefreshes(withRefreshes(graph), { ...REFRESH_LEVELS, most: REFRESH_LEVELS.down + 8 })!;
  expect(placed.layers.size).toBe(1);
  // The skip passes the refresh by: its value still needs all levels that come after it.
  expect(placed.length.refreshed).toBeLessThanOrEqual(REFRESH_LEVELS.down + 8);
});
