/** Matrix products of two encrypted tensors: all pairs that meet are multiplied at once, then summed. */
import type { LegacyNode } from './legacy-node.ts';
import { sizeOf } from './shapes.ts';

/** Elements of the tensor of all products; more would be hundreds of ciphertexts. */
const MAX_PRODUCTS = 2 ** 20;

/** Makes a MatMul whose operands are both encrypted into products and sums; leaves others alone. */
export function expandMatMul(node: LegacyNode): void {
  if (!node.isEncrypted(0) || !node.isEncrypted(1)) return;
  const [a, b] = [node.requireShape(0), node.requireShape(1)];
  if (a.length === 0 || b.length === 0) node.fail('scalars cannot be multiplied as matrices');
  node.become('ReduceSum', productsOf(node, node.inputs[0]!, a, node.inputs[1]!, b), { keepdims: 0 });
}

/** Gemm likewise: alpha · A' B' + beta · C. */
export function expandGemm(node: LegacyNode): void {
  if (!node.isEncrypted(0) || !node.isEncrypted(1)) return;
  const side = (index: 0 | 1, transposed: boolean): { tensor: string; shape: readonly number[] } => {
    const tensor = node.inputs[index]!;
    const shape = node.requireShape(index);
    return transposed
      ? { tensor: node.precede('Transpose', [tensor], { perm: [1, 0] }), shape: shape.toReversed() }
      : { tensor, shape };
  };
  const [alpha, beta] = [node.number('alpha', 1), node.number('beta', 1)];
  const a = side(0, node.number('transA', 0) !== 0);
  const b = side(1, node.number('transB', 0) !== 0);
  const [, , c = ''] = node.inputs as [string, string, string | undefined];
  const products = productsOf(node, a.tensor, a.shape, b.tensor, b.shape);
  const product = node.precede('ReduceSum', products, { keepdims: 0 });
  const scaled = alpha === 1 ? product : node.precede('Mul', [product, node.scalar('alpha', alpha)]);
  if (c === '') return node.become('Identity', [scaled]);
  node.become('Add', [scaled, beta === 1 ? c : node.precede('Mul', [c, node.scalar('beta', beta)])]);
}

/** Inputs of the ReduceSum that ends a matrix product: all products, and the axis of the sum. */
function productsOf(
  node: LegacyNode,
  a: string,
  aShape: readonly number[],
  b: string,
  bShape: readonly number[],
): [string, string] {
  const [m, k, n] = [
    aShape.length > 1 ? aShape.at(-2)! : 1,
    aShape.at(-1)!,
    bShape.length > 1 ? bShape.at(-1)! : 1,
  ];
  const batch = Math.max(sizeOf(aShape.slice(0, -2)), sizeOf(bShape.slice(0, -2)));
  if (batch * m * k * n > MAX_PRODUCTS) {
    node.refuse(
      `a product of two encrypted matrices of ${batch * m * k * n} multiplications is too large (at most ${MAX_PRODUCTS})`,
      'make one side a constant, or make the matrices smaller by pooling before',
    );
  }
  const rows = [...aShape, 1];
  // [… , k, n] gets an axis for the rows of a in front of it, if a has any.
  const columns =
    bShape.length === 1
      ? [k, 1]
      : aShape.length === 1
        ? [...bShape]
        : [...bShape.slice(0, -2), 1, bShape.at(-2)!, n];
  const left = node.precede('Reshape', [a, node.integers('rows', rows)]);
  const right = node.precede('Reshape', [b, node.integers('columns', columns)]);
  const products = node.precede('Mul', [left, right]);
  if (bShape.length > 1) return [products, node.integers('inner', [-2])];
  // A vector on the right leaves no column axis.
  return [node.precede('Squeeze', [products, node.integers('column', [-1])]), node.integers('inner', [-1])];
}
