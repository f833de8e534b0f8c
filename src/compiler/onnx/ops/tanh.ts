import { activation } from '../activation.ts';

export const tanh = activation({
  name: 'Tanh',
  since: [6, 13],
  summary: 'hyperbolic tangent',
  scalar: () => ({ evaluate: Math.tanh }),
});
