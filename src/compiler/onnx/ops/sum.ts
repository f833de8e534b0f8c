import { sumLike } from '../sum-like.ts';

export const sum = sumLike({
  name: 'Sum',
  since: [6, 8, 13],
  summary: 'sum of any number of tensors with broadcasting',
  inputs: [1, Infinity],
  weight: () => 1,
});
