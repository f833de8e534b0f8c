import { softmaxLike } from '../softmax-like.ts';

export const softmax = softmaxLike({
  name: 'Softmax',
  summary: 'e^x / Σ e^x along an axis',
});
