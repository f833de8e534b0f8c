import { asRows, functionReduction } from '../function-reduction.ts';

export const reduceMin = functionReduction({
  name: 'ReduceMin',
  since: [1, 11, 12, 13, 18, 20],
  axesAsInput: 18,
  summary: 'smallest entry over any axes, read as −MaxPool(−x)',
  category: 'pooling',
  rewrite: (node, reduced) => {
    if (reduced.axes.length === 0) return node.become('Identity', [reduced.x]);
    const { rows, width } = asRows(node, reduced);
    const images = node.precede('Unsqueeze', [node.precede('Neg', [rows]), node.integers('channel', [1])]);
    const largest = node.precede('Neg', [node.precede('MaxPool', [images], { kernel_shape: [width] })]);
    node.become('Reshape', [largest, node.integers('shape', reduced.shape)]);
  },
});
