import { reduction } from '../reduction.ts';

export const reduceMean = reduction('ReduceMean', [1, 11, 13, 18], 18, true);
