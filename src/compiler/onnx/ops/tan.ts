import { activation } from '../activation.ts';

export const tan = activation({
  name: 'Tan',
  since: [7, 22],
  summary: 'tangent',
  scalar: () => ({ evaluate: Math.tan }),
});
