/** Who makes and who reads each tensor of a graph. */
import type { TensorGraph, TensorNode } from '../ir/tensor-graph.ts';

export interface GraphIndex {
  /** Position of the node that makes a tensor; absent for graph inputs and constants. */
  readonly makers: ReadonlyMap<string, number>;
  /** Nodes that read a tensor, one entry per use. */
  readonly users: ReadonlyMap<string, readonly TensorNode[]>;
  readonly outputs: ReadonlySet<string>;
}

export function indexGraph(graph: TensorGraph): GraphIndex {
  const makers = new Map<string, number>();
  const users = new Map<string, TensorNode[]>();
  for (const [position, node] of graph.nodes.entries()) {
    for (const output of node.outputs) if (output !== '') makers.set(output, position);
    for (const input of node.inputs) {
      const list = users.get(input);
      if (list === undefined) users.set(input, [node]);
      else list.push(node);
    }
  }
  return { makers, users, outputs: new Set(graph.outputs) };
}
