/** Writing linear graphs: passes read one graph and append the nodes of the next. */
import { InternalError } from '../../errors.ts';
import { diagonal } from '../linear/sparse-matrix.ts';
import type { GraphNode, LinearGraph, LinearNode, NodeId } from './linear-graph.ts';
import { sourcesOf } from './linear-graph.ts';

type WithoutId<Node> = Node extends unknown ? Omit<Node, 'id'> : never;

/** A node before it has a place in a graph. */
export type NodeDraft = WithoutId<GraphNode>;

/** Appends nodes in topological order and numbers them. */
export class LinearGraphBuilder {
  readonly #nodes: GraphNode[] = [];

  add(draft: NodeDraft): NodeId {
    const id = this.#nodes.length;
    const node: GraphNode = { ...draft, id };
    for (const source of sourcesOf(node)) {
      if (!(source >= 0 && source < id))
        throw new InternalError(`node ${id} reads node ${source}, which is not before it`);
    }
    this.#nodes.push(node);
    return id;
  }

  node(id: NodeId): GraphNode {
    const node = this.#nodes[id];
    if (node === undefined) throw new InternalError(`no node ${id} in the graph`);
    return node;
  }

  build(name: string, outputs: LinearGraph['outputs']): LinearGraph {
    return { name, nodes: this.#nodes.slice(), outputs };
  }
}

/** The node with every source replaced; a source may become another but not vanish. */
export function withSources<Node extends GraphNode>(node: Node, replace: (source: NodeId) => NodeId): Node;
export function withSources(node: GraphNode, replace: (source: NodeId) => NodeId): GraphNode {
  switch (node.kind) {
    case 'input':
      return node;
    case 'linear':
      return { ...node, terms: node.terms.map((term) => ({ ...term, source: replace(term.source) })) };
    case 'polynomial':
    case 'refresh':
      return { ...node, source: replace(node.source) };
    case 'product':
      return { ...node, left: replace(node.left), right: replace(node.right) };
  }
}

/** Nodes that read each node, without repetition, in order. */
export function consumersOf(graph: LinearGraph): readonly (readonly NodeId[])[] {
  const consumers = graph.nodes.map((): NodeId[] => []);
  for (const node of graph.nodes) {
    for (const source of new Set(sourcesOf(node))) consumers[source]!.push(node.id);
  }
  return consumers;
}

/**
 * The graph without the nodes that no output needs, renumbered; nodes must come after their sources. Inputs stay, so
 * that the order in which a caller gives their values never changes.
 */
export function prune(graph: LinearGraph): LinearGraph {
  const needed = new Set(graph.outputs.map((output) => output.node));
  for (const node of graph.nodes.toReversed()) {
    if (node.kind === 'input') needed.add(node.id);
    if (needed.has(node.id)) for (const source of sourcesOf(node)) needed.add(source);
  }
  const builder = new LinearGraphBuilder();
  const renumbered = new Map<NodeId, NodeId>();
  const replace = (id: NodeId): NodeId => {
    const placed = renumbered.get(id);
    if (placed === undefined) throw new InternalError(`node ${id} is used before it is computed`);
    return placed;
  };
  for (const node of graph.nodes) {
    if (needed.has(node.id)) renumbered.set(node.id, builder.add(withSources(node, replace)));
  }
  return builder.build(
    graph.name,
    graph.outputs.map((output) => ({ ...output, node: replace(output.node) })),
  );
}

/** y = diag(factors) · x + offsets, elementwise; offsets null means none. */
export function elementwise(
  source: NodeId,
  factors: Float64Array,
  offsets: Float64Array | null,
  rest: Pick<LinearNode, 'layer' | 'shape' | 'bound'>,
): Omit<LinearNode, 'id'> {
  return { kind: 'linear', terms: [{ source, matrix: diagonal(factors) }], bias: offsets, ...rest };
}
