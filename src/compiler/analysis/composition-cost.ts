/**
 * What a linear graph costs to run: the yardstick by which `compose-linear` decides whether multiplying two linear maps
 * into one pays. How many diagonals and rotations a map takes depends on the layouts around it far more than on its
 * entries (a strided pooling is nearly free where it stands, and makes a convolution behind it four times as dense), so
 * every candidate is laid out in full. The planner remembers what it has planned, and candidates differ in a few maps
 * only: all but the first one cost little.
 */
import type { LinearGraph } from '../ir/linear-graph.ts';
import type { LeveledGraph } from '../ir/leveled-graph.ts';

/** Primes that a chain needs beyond one per level: the last one and the special prime. */
const FIXED_PRIMES = 2;

export interface PlannedCost {
  /** Predicted latency in the ring of the cost model, every operation at its level. */
  readonly latencyMs: number;
  /** Primes of the chain. */
  readonly length: number;
}

/** Predicted milliseconds of a graph whose values live at these levels; Infinity once they are certain to exceed `mostMs`. */
export type LatencyPlan = (graph: LeveledGraph, mostMs: number) => number;

/** Plans graphs in one ring and remembers the results. */
export class CompositionCost {
  readonly #plan: LatencyPlan;
  readonly #place: (graph: LinearGraph) => LeveledGraph;
  readonly #known = new WeakMap<LinearGraph, PlannedCost>();

  constructor(plan: LatencyPlan, place: (graph: LinearGraph) => LeveledGraph) {
    this.#plan = plan;
    this.#place = place;
  }

  /** @param mostMs what a longer latency need not be planned to the end for: it may come out as Infinity */
  of(graph: LinearGraph, mostMs = Infinity): PlannedCost {
    let known = this.#known.get(graph);
    if (known === undefined) {
      const leveled = this.#place(graph);
      known = { latencyMs: this.#plan(leveled, mostMs), length: lengthOf(leveled) };
      if (known.latencyMs < Infinity) this.#known.set(graph, known);
    }
    return known;
  }

  /** As `weightedCost`; Infinity where it is certain to be `most` or more. */
  weighted(graph: LinearGraph, depthWeight: number, most: number): number {
    const mostMs = (most / lengthOf(this.#place(graph)) ** depthWeight) * ROUNDING;
    return weightedCost(this.of(graph, mostMs), depthWeight);
  }
}

/** Leaves costs that differ by rounding alone to the comparison. */
const ROUNDING = 1 + 1e-9;

function lengthOf({ length }: LeveledGraph): number {
  return length.depth + FIXED_PRIMES;
}

/**
 * Comparable between graphs of the same function. The latency already holds what a level costs within a ring: all that
 * comes before it runs with one prime more. But the ring degree that security demands, and with it the time of every
 * operation, also grows in proportion to the chain. In truth it grows in steps of two: `depthWeight` is the power of the
 * length that counts, 1 on average; a larger one buys levels with more work, for chains that just miss a smaller ring.
 */
export function weightedCost({ latencyMs, length }: PlannedCost, depthWeight: number): number {
  return latencyMs * length ** depthWeight;
}
