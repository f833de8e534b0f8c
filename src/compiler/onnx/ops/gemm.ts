import { SparseMatrixBuilder } from '../../linear/sparse-matrix.ts';
import type { SparseMatrix } from '../../linear/sparse-matrix.ts';
import { broadcastTerm } from '../kernels.ts';
import type { NodeView } from '../node-view.ts';
import type { LinearDefinition, Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { expandGemm } from '../product-of-encrypted.ts';
import { broadcast, sameShape } from '../shapes.ts';

/** Y[m, n] = alpha · Σ_k A'[m, k] B'[k, n] + beta · C, A' and B' possibly transposed. */
interface Dimensions {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** Element strides of A' and B' by (row, column). */
  readonly a: readonly [number, number];
  readonly b: readonly [number, number];
}

function dimensions(view: NodeView): Dimensions {
  const [a, b] = [view.shape(0), view.shape(1)];
  if (a.length !== 2 || b.length !== 2) view.fail('INVALID_SHAPE', 'A and B must be matrices');
  const [transA, transB] = [view.number('transA') !== 0, view.number('transB') !== 0];
  const m = a[transA ? 1 : 0]!;
  const k = a[transA ? 0 : 1]!;
  const n = b[transB ? 0 : 1]!;
  if (b[transB ? 1 : 0] !== k)
    view.fail('INVALID_SHAPE', `[${a.join(', ')}] and [${b.join(', ')}] do not multiply`);
  return { m, k, n, a: transA ? [1, m] : [k, 1], b: transB ? [1, k] : [n, 1] };
}

/** The product as a map of A' (constant B') or of B' (constant A'). */
function productMatrix(view: NodeView, encrypted: 0 | 1): SparseMatrix {
  const { m, k, n, a, b } = dimensions(view);
  const alpha = view.number('alpha');
  const weights = view.parameter(1 - encrypted).data;
  const builder = new SparseMatrixBuilder(m * n, encrypted === 0 ? m * k : k * n);
  for (let row = 0; row < m; row++) {
    for (let column = 0; column < n; column++) {
      for (let inner = 0; inner < k; inner++) {
        const left = row * a[0] + inner * a[1];
        const right = inner * b[0] + column * b[1];
        if (encrypted === 0) builder.add(left, alpha * weights[right]!);
        else builder.add(right, alpha * weights[left]!);
      }
      builder.endRow();
    }
  }
  return builder.build();
}

function linear(view: NodeView): LinearDefinition {
  const encrypted = view.isEncrypted(1) ? 1 : 0;
  const product = { input: encrypted, matrix: productMatrix(view, encrypted) };
  const terms = view.hasInput(2) ? [product, broadcastTerm(view, 2, view.number('beta'))] : [product];
  return { terms, bias: null };
}

export const gemm: Operator = {
  name: 'Gemm',
  specUrl: specUrl('Gemm'),
  since: [7, 9, 11, 13],
  summary: 'alpha · A · B + beta · C, transposes and broadcast C; A and B may both be encrypted',
  category: 'linear',
  inputs: [2, 3],
  attributes: {
    alpha: { kind: 'float', default: 1 },
    beta: { kind: 'float', default: 1 },
    transA: { kind: 'int', default: 0 },
    transB: { kind: 'int', default: 0 },
  },
  parameters: [],
  upgrade: expandGemm,
  inferShapes: (view) => {
    const { m, n } = dimensions(view);
    if (view.hasInput(2)) {
      const shape = broadcast([view.shape(2), [m, n]]);
      if (shape === null || !sameShape(shape, [m, n])) {
        view.fail(
          'INVALID_SHAPE',
          `C of shape [${view.shape(2).join(', ')}] does not broadcast to [${m}, ${n}]`,
        );
      }
    }
    return [[m, n]];
  },
  behaviour: (view) => ({ kind: 'linear', linear: () => linear(view) }),
  keepsBatch: (view) => {
    if (view.isEncrypted(1) || (view.isEncrypted(0) && view.number('transA') !== 0)) return false;
    if (!view.hasInput(2)) return true;
    const c = view.shape(2);
    return view.isEncrypted(2) ? c.length === 2 && view.isEncrypted(0) : c.length < 2 || c[0] === 1;
  },
};
