import { extremum } from '../extremum.ts';

export const min = extremum('Min', (a, b) => Math.min(a, b));
