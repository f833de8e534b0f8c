import { activation } from '../activation.ts';

export const acos = activation({
  name: 'Acos',
  since: [7, 22],
  summary: 'arc cosine',
  scalar: () => ({ evaluate: Math.acos }),
});
