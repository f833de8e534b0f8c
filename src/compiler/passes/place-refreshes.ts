/**
 * Decides before which activations values are refreshed: as few of them as the levels allow. Every activation can have one before it,
 * fused with it (see `approx/sine-argument.ts`), and starts with one; from the inputs on, those are taken away without which the
 * chain still reaches. In a row of activations that leaves the fewest there can be.
 */
import type { ChainLength } from '../ir/leveled-graph.ts';
import type { GraphNode, LinearGraph } from '../ir/linear-graph.ts';
import type { RefreshLevels } from '../targets/target.ts';
import { placeLeast } from './compose-linear.ts';

export interface RefreshPlacement {
  /** Layers that have a refresh before them. */
  readonly layers: ReadonlySet<string>;
  readonly length: ChainLength;
}

/**
 * @param graph with a refresh before every activation that may have one
 * @param levels that refreshes take; what they give is at the level `most` or below
 * @param everywhere all of them stay
 * @returns null if the levels between refreshes do not reach from one to the next
 */
export function placeRefreshes(
  graph: LinearGraph,
  levels: RefreshLevels,
  everywhere = false,
): RefreshPlacement | null {
  const layers = new Set(graph.nodes.filter(({ kind }) => kind === 'refresh').map(({ layer }) => layer));
  let length = lengthWith(graph, layers, levels);
  if (!reaches(length, levels)) return null;
  for (const layer of everywhere ? [] : [...layers]) {
    layers.delete(layer);
    const shorter = lengthWith(graph, layers, levels);
    if (layers.size > 0 && reaches(shorter, levels)) length = shorter;
    else layers.add(layer);
  }
  return { layers, length };
}

function reaches({ refreshed }: ChainLength, { most }: RefreshLevels): boolean {
  return refreshed !== null && refreshed <= most;
}

function lengthWith(graph: LinearGraph, layers: ReadonlySet<string>, levels: RefreshLevels): ChainLength {
  return placeLeast(keepRefreshes(graph, layers), levels).length;
}

/** The graph with those refreshes alone; where there was another, the value passes as it is, at no level and no cost. */
export function keepRefreshes(graph: LinearGraph, layers: ReadonlySet<string>): LinearGraph {
  const nodes = graph.nodes.map((node): GraphNode => {
    if (node.kind !== 'refresh' || layers.has(node.layer)) return node;
    const { id, layer, shape, bound, source } = node;
    return {
      kind: 'polynomial',
      id,
      layer,
      shape,
      bound,
      source,
      degree: 0,
      unitLeading: false,
      coefficients: [],
    };
  });
  return { ...graph, nodes };
}
