import { softmaxLike } from '../softmax-like.ts';

export const hardmax = softmaxLike({
  name: 'Hardmax',
  summary: '1 at the first of the largest entries along an axis, 0 elsewhere',
});
