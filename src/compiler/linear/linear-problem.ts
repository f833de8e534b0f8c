/** Linear nodes as the layout search sees them: one pattern per distinct source. */
import { InternalError } from '../../errors.ts';
import { elementCount } from '../../program/layout.ts';
import type { LinearGraph, LinearNode, NodeId } from '../ir/linear-graph.ts';
import type { Shape } from '../ir/tensor-graph.ts';
import { patternOf, spatialStrides, type Pattern } from './pattern.ts';
import { add, type SparseMatrix } from './sparse-matrix.ts';
import { translationsOf, type Translations } from './translations.ts';

/** How a map moves over positions. */
interface Motion {
  /** Input positions per output position and spatial axis; null if the map is not of that kind. */
  readonly strides: readonly number[] | null;
  readonly translations: Translations | null;
}

export interface LinearTerm extends Motion {
  readonly source: NodeId;
  readonly pattern: Pattern;
}

export interface LinearProblem {
  readonly node: LinearNode;
  readonly terms: readonly LinearTerm[];
}

/** Remembers what it has seen in a matrix for as long as that lives: searches see the same ones in graph after graph. */
export class LinearProblems {
  readonly #patterns = new WeakMap<SparseMatrix, Pattern>();
  /** By pattern and shapes. */
  readonly #motions = new Map<string, Motion>();

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
    const terms = [...matrices].map(([source, matrix]) => {
      const pattern = this.pattern(matrix);
      return { source, pattern, ...this.#motionOf(pattern, graph.nodes[source]!.shape, node.shape) };
    });
    return { node, terms };
  }

  pattern(matrix: SparseMatrix): Pattern {
    let known = this.#patterns.get(matrix);
    if (known === undefined) this.#patterns.set(matrix, (known = patternOf(matrix)));
    return known;
  }

  #motionOf({ key, matrix }: Pattern, input: Shape, output: Shape): Motion {
    const full = `${key} ${input.join('x')}>${output.join('x')}`;
    let known = this.#motions.get(full);
    if (known === undefined) {
      const strides = spatialStrides(matrix, input, output);
      known = { strides, translations: translationsOf(matrix, input, output, strides) };
      this.#motions.set(full, known);
    }
    return known;
  }
}
