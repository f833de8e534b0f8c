import { functionReduction } from '../function-reduction.ts';

export const reduceSumSquare = functionReduction({
  name: 'ReduceSumSquare',
  since: [1, 11, 13, 18],
  axesAsInput: 18,
  summary: 'Σ x²',
  category: 'arithmetic',
  rewrite: (node, { x, sum }) => node.become('Identity', [sum(node.precede('Mul', [x, x]))]),
});
