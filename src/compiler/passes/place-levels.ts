/**
 * Gives every value its level: how many rescales it must still allow for. Computed backwards, so that each value lives at the
 * lowest level that its readers permit (operations are cheaper there); outputs are at level 0.
 */
import { rescalesOf, sourcesOf, type GraphNode, type LinearGraph } from '../ir/linear-graph.ts';
import type { LeveledGraph } from '../ir/leveled-graph.ts';

/** @param rescales that computing a node from one of its sources takes */
export function placeLevels(
  graph: LinearGraph,
  rescales: (node: GraphNode, source: GraphNode) => number = rescalesOf,
): LeveledGraph {
  const levels = graph.nodes.map(() => 0);
  for (const node of graph.nodes.toReversed()) {
    for (const source of sourcesOf(node)) {
      const taken = rescales(node, graph.nodes[source]!);
      levels[source] = Math.max(levels[source]!, levels[node.id]! + taken);
    }
  }
  return { ...graph, levels };
}
