import { ordering } from '../comparison.ts';

export const greaterOrEqual = ordering('GreaterOrEqual', [12, 16], '≥', 1, (a, b) => a >= b);
