/** Double-precision matrix products, as fast as onnxruntime's, for the Gram matrices of least squares. */
import type { IValueInfoProto } from '../../onnx/proto.ts';
import { AttributeType, ElementType, ModelProto } from '../../onnx/proto.ts';
import { Session } from './session.ts';

/** Rows handed to onnxruntime at a time: the working set stays in cache and memory bounded. */
const ROWS_PER_CHUNK = 4096;

export interface RowBlock {
  /** Row-major [rows × left.cols] and [rows × right.cols]. */
  readonly left: Float64Array;
  readonly right: Float64Array;
}

export class Blas implements AsyncDisposable {
  readonly #session: Session;

  private constructor(session: Session) {
    this.#session = session;
  }

  static async open(): Promise<Blas> {
    return new Blas(await Session.open(transposedProductModel(), 'a matrix product'));
  }

  /**
   * Σ_r left[r]ᵀ right[r] = AᵀB, [leftCols × rightCols] row-major, for rows produced block by block.
   * @param fill writes `count` rows from row `start` on; both blocks are reused between calls
   */
  async transposedProduct(
    rows: number,
    leftCols: number,
    rightCols: number,
    fill: (start: number, count: number, block: RowBlock) => void,
  ): Promise<Float64Array> {
    const sum = new Float64Array(leftCols * rightCols);
    const capacity = Math.min(rows, ROWS_PER_CHUNK);
    const left = new Float64Array(capacity * leftCols);
    const right = new Float64Array(capacity * rightCols);
    for (let start = 0; start < rows; start += capacity) {
      const count = Math.min(capacity, rows - start);
      fill(start, count, { left, right });
      const outputs = await this.#session.run(
        new Map([
          ['A', { dims: [count, leftCols], data: left.subarray(0, count * leftCols) }],
          ['B', { dims: [count, rightCols], data: right.subarray(0, count * rightCols) }],
        ]),
      );
      const product = outputs.get('Y')!.data;
      for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + product[i]!;
    }
    return sum;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }
}

/** Y = AᵀB in float64, all dimensions symbolic. */
function transposedProductModel(): Uint8Array {
  const matrix = (name: string, rows: string, cols: string): IValueInfoProto => ({
    name,
    type: {
      tensorType: {
        elemType: ElementType.DOUBLE,
        shape: { dim: [{ dimParam: rows }, { dimParam: cols }] },
      },
    },
  });
  return ModelProto.encode({
    irVersion: 8,
    opsetImport: [{ domain: '', version: 17 }],
    graph: {
      name: 'transposed-product',
      node: [
        {
          name: 'product',
          opType: 'Gemm',
          input: ['A', 'B'],
          output: ['Y'],
          attribute: [{ name: 'transA', type: AttributeType.INT, i: 1 }],
        },
      ],
      input: [matrix('A', 'r', 'm'), matrix('B', 'r', 'n')],
      output: [matrix('Y', 'm', 'n')],
    },
  }).finish();
}
