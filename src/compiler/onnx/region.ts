/**
 * Regions: sub-graphs of element-wise nodes that compute one tensor from one other tensor, where nothing outside looks
 * at what is in between. Such a region is one function of one variable.
 */
import type { TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import type { GraphIndex } from './graph-index.ts';
import { sameShape } from './shapes.ts';

export interface Region {
  readonly source: string;
  readonly output: string;
  /** In topological order. */
  readonly nodes: readonly TensorNode[];
}

/** Longer chains are not searched. */
const MAX_REGION = 512;

export function encryptedInputs(graph: TensorGraph, node: TensorNode): string[] {
  return node.inputs.filter((input) => input !== '' && !graph.constants.has(input));
}

/** Whether a node neither reorders nor broadcasts its encrypted inputs. */
export function keepsShape(graph: TensorGraph, node: TensorNode): boolean {
  if (node.outputs.length !== 1) return false;
  const shape = shapeOf(graph, node.outputs[0]!);
  return encryptedInputs(graph, node).every((input) => sameShape(shapeOf(graph, input), shape));
}

/**
 * All regions that end in `end`, smallest first. Walks backwards, always from the latest tensor, so that whoever reads a
 * tensor within the region has been seen before its maker.
 */
export function regionsEndingIn(
  graph: TensorGraph,
  index: GraphIndex,
  end: TensorNode,
  accepts: (node: TensorNode) => boolean,
): Region[] {
  const output = end.outputs[0]!;
  if (!accepts(end)) return [];
  const regions: Region[] = [];
  const nodes = new Set([end]);
  const frontier = new Set(encryptedInputs(graph, end));
  while (nodes.size <= MAX_REGION) {
    if (frontier.size === 1) {
      const [source] = frontier;
      regions.push({ source: source!, output, nodes: [...nodes].reverse() });
    }
    let latest = -1;
    let tensor = '';
    for (const candidate of frontier) {
      const position = index.makers.get(candidate) ?? -1;
      if (position >= latest) [latest, tensor] = [position, candidate];
    }
    const maker = graph.nodes[latest];
    if (maker === undefined || !accepts(maker) || index.outputs.has(tensor)) break;
    if (!(index.users.get(tensor) ?? []).every((user) => nodes.has(user))) break;
    frontier.delete(tensor);
    nodes.add(maker);
    for (const input of encryptedInputs(graph, maker)) frontier.add(input);
  }
  return regions;
}

/** The graph with each region replaced by one node (which takes the place of the region's last node). */
export function replaceRegions(
  graph: TensorGraph,
  replacements: ReadonlyMap<TensorNode, TensorNode | null>,
): TensorGraph {
  const nodes = graph.nodes.flatMap((node) => {
    const replacement = replacements.get(node);
    return replacement === undefined ? [node] : replacement === null ? [] : [replacement];
  });
  return { ...graph, nodes };
}
