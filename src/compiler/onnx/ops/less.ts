import { ordering } from '../comparison.ts';

export const less = ordering('Less', [7, 9, 13], '<', -1, (a, b) => a < b);
