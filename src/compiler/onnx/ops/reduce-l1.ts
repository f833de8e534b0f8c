import { functionReduction } from '../function-reduction.ts';

export const reduceL1 = functionReduction({
  name: 'ReduceL1',
  since: [1, 11, 13, 18],
  axesAsInput: 18,
  summary: 'Σ |x|',
  category: 'activation',
  rewrite: (node, { x, sum }) => node.become('Identity', [sum(node.precede('Abs', [x]))]),
});
