import type { Shape } from '../../ir/tensor-graph.ts';
import { SparseMatrixBuilder } from '../../linear/sparse-matrix.ts';
import type { NodeView } from '../node-view.ts';
import type { LinearDefinition, Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { expandMatMul } from '../product-of-encrypted.ts';
import { broadcast, broadcastIndices, sizeOf } from '../shapes.ts';

/** NumPy matmul: vectors are promoted to matrices, leading axes are broadcast. */
interface Dimensions {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly batch: Shape;
  readonly aBatch: Shape;
  readonly bBatch: Shape;
  readonly output: Shape;
}

function dimensions(view: NodeView): Dimensions {
  const [left, right] = [view.shape(0), view.shape(1)];
  if (left.length === 0 || right.length === 0)
    view.fail('INVALID_SHAPE', 'scalars cannot be multiplied as matrices');
  const a = left.length === 1 ? [1, ...left] : left;
  const b = right.length === 1 ? [...right, 1] : right;
  const [aBatch, bBatch] = [a.slice(0, -2), b.slice(0, -2)];
  const batch = broadcast([aBatch, bBatch]);
  const [m, k, n] = [a.at(-2)!, a.at(-1)!, b.at(-1)!];
  if (batch === null || b.at(-2) !== k) {
    view.fail('INVALID_SHAPE', `[${left.join(', ')}] and [${right.join(', ')}] do not multiply`);
  }
  const output = [...batch, ...(left.length === 1 ? [] : [m]), ...(right.length === 1 ? [] : [n])];
  return { m, k, n, batch, aBatch, bBatch, output };
}

function linear(view: NodeView): LinearDefinition {
  const { m, k, n, batch, aBatch, bBatch } = dimensions(view);
  const encrypted = view.isEncrypted(1) ? 1 : 0;
  const weights = view.parameter(1 - encrypted).data;
  const aBlocks = broadcastIndices(aBatch, batch);
  const bBlocks = broadcastIndices(bBatch, batch);
  const builder = new SparseMatrixBuilder(sizeOf(batch) * m * n, sizeOf(view.shape(encrypted)));
  for (let block = 0; block < aBlocks.length; block++) {
    const aStart = aBlocks[block]! * m * k;
    const bStart = bBlocks[block]! * k * n;
    for (let row = 0; row < m; row++) {
      for (let column = 0; column < n; column++) {
        for (let inner = 0; inner < k; inner++) {
          const left = aStart + row * k + inner;
          const right = bStart + inner * n + column;
          if (encrypted === 0) builder.add(left, weights[right]!);
          else builder.add(right, weights[left]!);
        }
        builder.endRow();
      }
    }
  }
  return { terms: [{ input: encrypted, matrix: builder.build() }], bias: null };
}

export const matMul: Operator = {
  name: 'MatMul',
  specUrl: specUrl('MatMul'),
  since: [1, 9, 13],
  summary: 'matrix product with broadcasting; two encrypted sides become products of ciphertexts',
  category: 'linear',
  inputs: [2, 2],
  attributes: {},
  parameters: [],
  upgrade: expandMatMul,
  inferShapes: (view) => [dimensions(view).output],
  behaviour: (view) => ({ kind: 'linear', linear: () => linear(view) }),
  keepsBatch: (view) => {
    const encrypted = view.isEncrypted(0) ? 0 : 1;
    const [own, other] = [view.shape(encrypted), view.shape(1 - encrypted)];
    // Axis 0 must be neither contracted nor a row of a left-hand constant's partner.
    if (own.length < (encrypted === 0 ? 2 : 3)) return false;
    return other.length <= 2 || other.length < own.length || (other.length === own.length && other[0] === 1);
  },
};
