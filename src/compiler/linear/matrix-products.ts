/** Remembers products of sparse matrices for as long as their factors live: searches form the same ones again and again. */
import { multiply, type SparseMatrix } from './sparse-matrix.ts';

export class MatrixProducts {
  readonly #known = new WeakMap<SparseMatrix, WeakMap<SparseMatrix, SparseMatrix>>();

  /** a · b; equal factors (as objects) give the same object. */
  of(a: SparseMatrix, b: SparseMatrix): SparseMatrix {
    let row = this.#known.get(a);
    if (row === undefined) this.#known.set(a, (row = new WeakMap<SparseMatrix, SparseMatrix>()));
    let product = row.get(b);
    if (product === undefined) row.set(b, (product = multiply(a, b)));
    return product;
  }
}
