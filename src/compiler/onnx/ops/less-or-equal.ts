import { ordering } from '../comparison.ts';

export const lessOrEqual = ordering('LessOrEqual', [12, 16], '≤', -1, (a, b) => a <= b);
