import { ordering } from '../comparison.ts';

export const greater = ordering('Greater', [7, 9, 13], '>', 1, (a, b) => a > b);
