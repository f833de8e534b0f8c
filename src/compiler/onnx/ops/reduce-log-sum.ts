import { functionReduction } from '../function-reduction.ts';

export const reduceLogSum = functionReduction({
  name: 'ReduceLogSum',
  since: [1, 11, 13, 18],
  axesAsInput: 18,
  summary: 'ln Σ x',
  category: 'activation',
  rewrite: (node, { x, sum }) => node.become('Log', [sum(x)]),
});
