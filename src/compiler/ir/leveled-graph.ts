/**
 * Fourth stage: a linear graph in which every value has its level. `place-levels` makes it; everything behind it reads levels
 * and never computes them.
 */
import type { LinearGraph } from './linear-graph.ts';

export interface LeveledGraph extends LinearGraph {
  /** Rescales that each node's value still allows for (index = node id). */
  readonly levels: readonly number[];
  readonly length: ChainLength;
}

/** What a graph asks of a chain's length. */
export interface ChainLength {
  /** Levels in all. */
  readonly depth: number;
  /** Level of what refreshes give; null where nothing is refreshed. */
  readonly refreshed: number | null;
}
