/** Linear nodes as the layout search sees them: one pattern per distinct source. */
import { InternalError } from '../../errors.ts';
import { elementCount } from '../../program/layout.ts';
import type { LinearGraph, LinearNode, NodeId } from '../ir/linear-graph.ts';
import type { Shape } from '../ir/tensor-graph.ts';
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

/** Remembers what it has seen in a matrix for as long as that lives: searches see the same ones in graph after graph. */
export class LinearProblems {
  readonly #patterns = new WeakMap<SparseMatrix, Pattern>();
  readonly #strides = new WeakMap<SparseMatrix, Map<string, readonly number[] | null>>();

  of(graph: LinearGraph, node: LinearNode): LinearProblem {
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
      pattern: this.pattern(matrix),
      strides: this.#stridesOf(matrix, graph.nodes[source]!.shape, node.shape),
    }));
    return { node, terms };
  }

  pattern(matrix: SparseMatrix): Pattern {
    let known = this.#patterns.get(matrix);
    if (known === undefined) this.#patterns.set(matrix, (known = patternOf(matrix)));
    return known;
  }

  #stridesOf(matrix: SparseMatrix, input: Shape, output: Shape): readonly number[] | null {
    let own = this.#strides.get(matrix);
    if (own === undefined) this.#strides.set(matrix, (own = new Map<string, readonly number[] | null>()));
    const key = `${input.join('x')}>${output.join('x')}`;
    let known = own.get(key);
    if (known === undefined) own.set(key, (known = spatialStrides(matrix, input, output)));
    return known;
  }
}
