/**
 * Values that must share one layout: a polynomial keeps its source's, a refresh too, and a product needs both sides alike. The first
 * input or linear map of a class chooses; every other linear map of the class can write any layout it is asked for.
 */
import type { LinearGraph, NodeId } from '../ir/linear-graph.ts';
import { sourcesOf } from '../ir/linear-graph.ts';

export interface LayoutClass {
  readonly index: number;
  /** No partial sums between the elements: graph outputs must not leak them, high polynomials blow them up. */
  readonly clean: boolean;
  /** Empty slots must hold zero even after polynomials: what is decrypted holds elements and nothing else. */
  readonly output: boolean;
  /** Last node that reads a value of the class; outputs are read at the end. */
  readonly lastUse: NodeId;
}

/** Polynomials up to this degree do no harm to partial sums, which may be a few times larger than the elements. */
const HARMLESS_DEGREE = 2;

/** The class of each node (index = node id). */
export function layoutClasses(graph: LinearGraph): readonly LayoutClass[] {
  const parent = graph.nodes.map((node) => node.id);
  const find = (id: NodeId): NodeId => {
    let root = id;
    while (parent[root] !== root) root = parent[root]!;
    return root;
  };
  for (const node of graph.nodes) {
    if (node.kind === 'input' || node.kind === 'linear') continue;
    for (const source of sourcesOf(node)) parent[find(source)] = find(node.id);
  }
  const outputs = new Set(graph.outputs.map(({ node }) => find(node)));
  const fragile = new Set<NodeId>();
  const lastUse = new Map<NodeId, NodeId>();
  for (const node of graph.nodes) {
    if (node.kind === 'polynomial' && node.degree > HARMLESS_DEGREE) fragile.add(find(node.id));
    for (const source of sourcesOf(node)) lastUse.set(find(source), node.id);
  }
  const classes = new Map<NodeId, LayoutClass>();
  return graph.nodes.map((node) => {
    const root = find(node.id);
    let known = classes.get(root);
    if (known === undefined) {
      const output = outputs.has(root);
      known = {
        index: classes.size,
        clean: output || fragile.has(root),
        output,
        lastUse: output ? graph.nodes.length : (lastUse.get(root) ?? node.id),
      };
      classes.set(root, known);
    }
    return known;
  });
}
