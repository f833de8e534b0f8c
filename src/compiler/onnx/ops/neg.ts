import { sumLike } from '../sum-like.ts';

export const neg = sumLike({
  name: 'Neg',
  since: [6, 13],
  summary: '−x',
  inputs: [1, 1],
  weight: () => -1,
});
