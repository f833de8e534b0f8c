import { softmaxLike } from '../softmax-like.ts';

export const logSoftmax = softmaxLike({
  name: 'LogSoftmax',
  summary: 'logarithm of Softmax',
});
