/** Sparse matrices in compressed-row form: the common currency of everything linear. */
export interface SparseMatrix {
  readonly rows: number;
  readonly cols: number;
  /** rowStart[r] … rowStart[r + 1] − 1 index the entries of row r. */
  readonly rowStart: Int32Array;
  /** Ascending within a row. */
  readonly columns: Int32Array;
  readonly values: Float64Array;
}

/** Collects entries row by row (rows in ascending order); columns of one row may come in any order and repeat (summed). */
export class SparseMatrixBuilder {
  readonly #cols: number;
  readonly #rowStart: Int32Array;
  #columns = new Int32Array(1024);
  #values = new Float64Array(1024);
  #count = 0;
  #row = 0;

  constructor(rows: number, cols: number) {
    this.#cols = cols;
    this.#rowStart = new Int32Array(rows + 1);
  }

  /** Adds `value` at (current row, column); zeros are skipped. */
  add(column: number, value: number): void {
    if (value === 0) return;
    if (this.#count === this.#columns.length) {
      const columns = new Int32Array(this.#count * 2);
      columns.set(this.#columns);
      this.#columns = columns;
      const values = new Float64Array(this.#count * 2);
      values.set(this.#values);
      this.#values = values;
    }
    this.#columns[this.#count] = column;
    this.#values[this.#count++] = value;
  }

  /** Closes the current row. */
  endRow(): void {
    const start = this.#rowStart[this.#row]!;
    let sorted = true;
    for (let k = start + 1; k < this.#count; k++) {
      if (this.#columns[k]! <= this.#columns[k - 1]!) {
        sorted = false;
        break;
      }
    }
    if (!sorted) {
      const order = Array.from({ length: this.#count - start }, (_, k) => start + k);
      const columns = this.#columns.slice(start, this.#count);
      const values = this.#values.slice(start, this.#count);
      order.sort((a, b) => columns[a - start]! - columns[b - start]!);
      let write = start;
      for (const index of order) {
        const column = columns[index - start]!;
        if (write > start && this.#columns[write - 1] === column) {
          this.#values[write - 1] = this.#values[write - 1]! + values[index - start]!;
        } else {
          this.#columns[write] = column;
          this.#values[write++] = values[index - start]!;
        }
      }
      this.#count = write;
    }
    this.#rowStart[++this.#row] = this.#count;
  }

  build(): SparseMatrix {
    while (this.#row < this.#rowStart.length - 1) this.endRow();
    return {
      rows: this.#rowStart.length - 1,
      cols: this.#cols,
      rowStart: this.#rowStart,
      columns: this.#columns.slice(0, this.#count),
      values: this.#values.slice(0, this.#count),
    };
  }
}

export function identity(size: number): SparseMatrix {
  return diagonal(new Float64Array(size).fill(1));
}

export function diagonal(entries: Float64Array): SparseMatrix {
  const size = entries.length;
  return {
    rows: size,
    cols: size,
    rowStart: Int32Array.from({ length: size + 1 }, (_, i) => i),
    columns: Int32Array.from({ length: size }, (_, i) => i),
    values: entries.slice(),
  };
}

/** y = M x. */
export function apply(matrix: SparseMatrix, x: Float64Array): Float64Array {
  const y = new Float64Array(matrix.rows);
  for (let r = 0; r < matrix.rows; r++) {
    let sum = 0;
    for (let k = matrix.rowStart[r]!; k < matrix.rowStart[r + 1]!; k++) {
      sum += matrix.values[k]! * x[matrix.columns[k]!]!;
    }
    y[r] = sum;
  }
  return y;
}

/** A · B, dropping exact zeros. */
export function multiply(a: SparseMatrix, b: SparseMatrix): SparseMatrix {
  const builder = new SparseMatrixBuilder(a.rows, b.cols);
  const accumulator = new Float64Array(b.cols);
  const seen = new Int32Array(b.cols).fill(-1);
  const touched = new Int32Array(b.cols);
  for (let r = 0; r < a.rows; r++) {
    let count = 0;
    for (let k = a.rowStart[r]!; k < a.rowStart[r + 1]!; k++) {
      const row = a.columns[k]!;
      const factor = a.values[k]!;
      for (let j = b.rowStart[row]!; j < b.rowStart[row + 1]!; j++) {
        const column = b.columns[j]!;
        if (seen[column] !== r) {
          seen[column] = r;
          accumulator[column] = 0;
          touched[count++] = column;
        }
        accumulator[column] = accumulator[column]! + factor * b.values[j]!;
      }
    }
    const columns = touched.subarray(0, count).sort();
    for (const column of columns) builder.add(column, accumulator[column]!);
    builder.endRow();
  }
  return builder.build();
}

/** A + B. */
export function add(a: SparseMatrix, b: SparseMatrix): SparseMatrix {
  const builder = new SparseMatrixBuilder(a.rows, a.cols);
  for (let r = 0; r < a.rows; r++) {
    for (let k = a.rowStart[r]!; k < a.rowStart[r + 1]!; k++) builder.add(a.columns[k]!, a.values[k]!);
    for (let k = b.rowStart[r]!; k < b.rowStart[r + 1]!; k++) builder.add(b.columns[k]!, b.values[k]!);
    builder.endRow();
  }
  return builder.build();
}

/** diag(left) · M · diag(right); null means ones. */
export function scale(
  matrix: SparseMatrix,
  left: Float64Array | null,
  right: Float64Array | null,
): SparseMatrix {
  const values = matrix.values.slice();
  for (let r = 0; r < matrix.rows; r++) {
    for (let k = matrix.rowStart[r]!; k < matrix.rowStart[r + 1]!; k++) {
      values[k] =
        values[k]! * (left === null ? 1 : left[r]!) * (right === null ? 1 : right[matrix.columns[k]!]!);
    }
  }
  return { ...matrix, values };
}
