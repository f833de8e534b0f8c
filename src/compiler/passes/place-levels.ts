/**
 * Gives every value its level: how many rescales it must still allow for. Computed backwards, so that each value lives at the
 * lowest level that its readers permit (operations are cheaper there). A refresh takes its source at the levels that slots take to
 * become coefficients, and all refreshes give the same level: the highest that any reader of one asks for, or that the inputs' part
 * of the graph makes the chain long enough for.
 */
import { InternalError } from '../../errors.ts';
import { rescalesOf, sourcesOf, type GraphNode, type LinearGraph, type NodeId } from '../ir/linear-graph.ts';
import type { LeveledGraph } from '../ir/leveled-graph.ts';
import type { RefreshLevels } from '../targets/target.ts';

/**
 * @param refresh levels that refreshes take, where the graph has any
 * @param rescales that computing a node from one of its sources takes
 */
export function placeLevels(
  graph: LinearGraph,
  refresh: RefreshLevels | null = null,
  rescales: (node: GraphNode, source: GraphNode) => number = rescalesOf,
): LeveledGraph {
  const refreshes = graph.nodes.filter(({ kind }) => kind === 'refresh').map(({ id }) => id);
  const { down, top } = refreshes.length === 0 ? { down: 0, top: 0 } : levelsOf(refresh);
  // Where the bottom of the chain is there for refreshes anyway, outputs leave it alone: they have more room there.
  const bottom = down;
  const needed = graph.nodes.map(() => bottom);
  for (const node of graph.nodes.toReversed()) {
    for (const source of sourcesOf(node)) {
      const below =
        node.kind === 'refresh' ? bottom : needed[node.id]! + rescales(node, graph.nodes[source]!);
      needed[source] = Math.max(needed[source]!, below);
    }
  }
  if (refreshes.length === 0) {
    return { ...graph, levels: needed, length: { depth: highest(needed), refreshed: null } };
  }
  // What comes before the first refresh may take the whole chain.
  const refreshed = Math.max(highest(refreshes.map((id: NodeId) => needed[id]!)), highest(needed) - top);
  const levels = needed.map((level, id) => (graph.nodes[id]!.kind === 'refresh' ? refreshed : level));
  return { ...graph, levels, length: { depth: refreshed + top, refreshed } };
}

function highest(levels: readonly number[]): number {
  return levels.reduce((most, level) => Math.max(most, level), 0);
}

function levelsOf(refresh: RefreshLevels | null): RefreshLevels {
  if (refresh === null) throw new InternalError('refreshes for a target that has none');
  return refresh;
}
