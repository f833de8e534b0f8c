/** A linear node as the layout search sees it: one pattern per distinct source. */
import { InternalError } from '../../errors.ts';
import { elementCount } from '../../program/layout.ts';
import type { LinearGraph, LinearNode, NodeId } from '../ir/linear-graph.ts';
import { patternOf, spatialStrides, type Pattern } from './pattern.ts';
import { add, type SparseMatrix } from './sparse-matrix.ts';

export interface LinearTerm {
  readonly source: NodeId;
  readonly pattern: Pattern;
  /** Input positions per output position and spatial axis; null if the map is not of that kind. */
  readonly strides: readonly number[] | null;
}

export interface LinearProblem {
  readonly node: LinearNode;
  readonly terms: readonly LinearTerm[];
}

export function linearProblem(graph: LinearGraph, node: LinearNode): LinearProblem {
  const matrices = new Map<NodeId, SparseMatrix>();
  const rows = elementCount(node.shape);
  for (const { source, matrix } of node.terms) {
    const cols = elementCount(graph.nodes[source]!.shape);
    if (matrix.rows !== rows || matrix.cols !== cols) {
      throw new InternalError(`the matrix is ${matrix.rows} × ${matrix.cols}, not ${rows} × ${cols}`, {
        node: node.layer,
      });
    }
    const known = matrices.get(source);
    matrices.set(source, known === undefined ? matrix : add(known, matrix));
  }
  if (matrices.size === 0) throw new InternalError('a linear node has no terms', { node: node.layer });
  const terms = [...matrices].map(([source, matrix]) => ({
    source,
    pattern: patternOf(matrix),
    strides: spatialStrides(matrix, graph.nodes[source]!.shape, node.shape),
  }));
  return { node, terms };
}
