import { asRows, functionReduction } from '../function-reduction.ts';

export const reduceProd = functionReduction({
  name: 'ReduceProd',
  since: [1, 11, 13, 18],
  axesAsInput: 18,
  summary: 'product over any axes, a tree of products',
  category: 'arithmetic',
  rewrite: (node, reduced) => {
    if (reduced.axes.length === 0) return node.become('Identity', [reduced.x]);
    const { rows, width } = asRows(node, reduced);
    const slice = (tensor: string, start: number, end: number): string =>
      node.precede('Slice', [
        tensor,
        ...[start, end, 1].map((value, i) => node.integers(['start', 'end', 'axis'][i]!, [value])),
      ]);
    let tensor = rows;
    for (let left = width; left > 1; left = Math.ceil(left / 2)) {
      const half = Math.floor(left / 2);
      const product = node.precede('Mul', [slice(tensor, 0, half), slice(tensor, half, 2 * half)]);
      tensor =
        left % 2 === 0
          ? product
          : node.precede('Concat', [product, slice(tensor, left - 1, left)], { axis: 1 });
    }
    node.become('Reshape', [tensor, node.integers('shape', reduced.shape)]);
  },
});
