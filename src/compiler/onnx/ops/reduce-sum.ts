import { reduction } from '../reduction.ts';

export const reduceSum = reduction('ReduceSum', [1, 11, 13], 13, false);
