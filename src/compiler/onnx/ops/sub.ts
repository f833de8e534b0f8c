import { sumLike } from '../sum-like.ts';

export const sub = sumLike({
  name: 'Sub',
  since: [7, 13, 14],
  summary: 'a − b with broadcasting; either side may be constant',
  inputs: [2, 2],
  weight: (index) => (index === 0 ? 1 : -1),
});
