/** The graph with a refresh before every polynomial, on its layer. */
import { FUSED_RATIO } from '../../approx/sine-argument.ts';
import type { LinearGraph, NodeId } from '../linear-graph.ts';
import { LinearGraphBuilder, withSources } from '../linear-graph-builder.ts';

export function withRefreshes(graph: LinearGraph): LinearGraph {
  const builder = new LinearGraphBuilder();
  const renumbered: NodeId[] = [];
  for (const node of graph.nodes) {
    const moved = withSources(node, (source) => renumbered[source]!);
    if (moved.kind !== 'polynomial') {
      renumbered.push(builder.add(moved));
      continue;
    }
    const { layer, shape, source } = moved;
    const refresh = builder.add({ kind: 'refresh', layer, shape, source, bound: 1, ratio: FUSED_RATIO });
    renumbered.push(builder.add({ ...moved, source: refresh }));
  }
  return builder.build(
    graph.name,
    graph.outputs.map(({ name, node }) => ({ name, node: renumbered[node]! })),
  );
}
