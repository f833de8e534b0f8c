import { activation } from '../activation.ts';

export const acosh = activation({
  name: 'Acosh',
  since: [9, 22],
  summary: 'inverse hyperbolic cosine',
  scalar: () => ({ evaluate: Math.acosh }),
});
