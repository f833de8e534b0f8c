/**
 * Fourth stage: a linear graph in which every value has its level. `place-levels` makes it; everything behind it reads levels
 * and never computes them.
 */
import type { LinearGraph } from './linear-graph.ts';

export interface LeveledGraph extends LinearGraph {
  /** Rescales that each node's value still allows for (index = node id). */
  readonly levels: readonly number[];
}

/** Levels of the chain that holds the graph. */
export function depthOf({ levels }: LeveledGraph): number {
  return Math.max(0, ...levels);
}
