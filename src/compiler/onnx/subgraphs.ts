/** Graphs inside nodes (the branches of If): what they take from around them, and the same under other names. */
import type { DocumentGraph, DocumentNode } from './decode.ts';

/** Tensors of the graph around it that a node needs: its inputs and what its subgraphs capture. */
export function dependenciesOf(node: DocumentNode): readonly string[] {
  if (node.subgraphs.size === 0) return node.inputs;
  return [...node.inputs, ...[...node.subgraphs.values()].flatMap(capturedBy)];
}

function capturedBy(graph: DocumentGraph): string[] {
  const own = definedIn(graph);
  const used = [...graph.nodes.flatMap(dependenciesOf), ...graph.outputs];
  return used.filter((name) => name !== '' && !own.has(name));
}

/** Tensors that a graph defines, not those of the graphs inside it. */
export function definedIn({ nodes, initializers }: DocumentGraph): ReadonlySet<string> {
  return new Set([...initializers.keys(), ...nodes.flatMap((node) => node.outputs)]);
}

/** A node whose tensors are called as `names` says, also where its subgraphs capture them. */
export function renamed(node: DocumentNode, names: ReadonlyMap<string, string>): DocumentNode {
  const rename = (name: string): string => names.get(name) ?? name;
  return {
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
    subgraphs: new Map([...node.subgraphs].map(([key, graph]) => [key, renamedInside(graph, names)])),
  };
}

function renamedInside(graph: DocumentGraph, names: ReadonlyMap<string, string>): DocumentGraph {
  const own = definedIn(graph);
  const captured = new Map([...names].filter(([name]) => !own.has(name)));
  return {
    ...graph,
    nodes: graph.nodes.map((node) => renamed(node, captured)),
    outputs: graph.outputs.map((name) => captured.get(name) ?? name),
  };
}
