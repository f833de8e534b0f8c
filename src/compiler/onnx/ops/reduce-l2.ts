import { functionReduction } from '../function-reduction.ts';

export const reduceL2 = functionReduction({
  name: 'ReduceL2',
  since: [1, 11, 13, 18],
  axesAsInput: 18,
  summary: '√Σ x²',
  category: 'activation',
  rewrite: (node, { x, sum }) => node.become('Sqrt', [sum(node.precede('Mul', [x, x]))]),
});
