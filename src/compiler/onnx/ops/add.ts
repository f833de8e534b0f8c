import { sumLike } from '../sum-like.ts';

export const add = sumLike({
  name: 'Add',
  since: [7, 13, 14],
  summary: 'a + b with broadcasting; either side may be constant',
  inputs: [2, 2],
  weight: () => 1,
});
