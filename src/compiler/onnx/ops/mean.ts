import { sumLike } from '../sum-like.ts';

export const mean = sumLike({
  name: 'Mean',
  since: [6, 8, 13],
  summary: 'mean of any number of tensors with broadcasting',
  inputs: [1, Infinity],
  weight: (_, count) => 1 / count,
});
