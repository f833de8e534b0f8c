/**
 * Levels: how many rescales every value of a linear graph must still allow for. Computed backwards, so that each value
 * lives at the lowest level that its consumers permit (operations are cheaper there).
 */
import { polynomialDepth } from '../../program/program.ts';
import type { GraphNode, LinearGraph } from '../ir/linear-graph.ts';
import { sourcesOf } from '../ir/linear-graph.ts';

/** Rescales that computing the node consumes. */
export function depthOf(node: GraphNode): number {
  switch (node.kind) {
    case 'input':
      return 0;
    case 'linear':
    case 'product':
      return 1;
    case 'polynomial':
      return polynomialDepth(node.degree, node.unitLeading);
  }
}

/** Level of each node's value (index = node id); outputs are at level 0. The depth of the graph is the maximum. */
export function assignLevels(graph: LinearGraph): number[] {
  const levels = graph.nodes.map(() => 0);
  for (let id = graph.nodes.length - 1; id >= 0; id--) {
    const node = graph.nodes[id]!;
    for (const source of sourcesOf(node)) {
      levels[source] = Math.max(levels[source]!, levels[id]! + depthOf(node));
    }
  }
  return levels;
}
