import { activation } from '../activation.ts';

export const atan = activation({
  name: 'Atan',
  since: [7, 22],
  summary: 'arc tangent',
  scalar: () => ({ evaluate: Math.atan }),
});
