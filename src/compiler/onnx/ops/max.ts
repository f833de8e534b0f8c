import { extremum } from '../extremum.ts';

export const max = extremum('Max', (a, b) => Math.max(a, b));
