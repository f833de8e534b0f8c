import { activation } from '../activation.ts';

export const atanh = activation({
  name: 'Atanh',
  since: [9, 22],
  summary: 'inverse hyperbolic tangent',
  scalar: () => ({ evaluate: Math.atanh }),
});
