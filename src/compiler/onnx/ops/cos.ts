import { activation } from '../activation.ts';

export const cos = activation({
  name: 'Cos',
  since: [7, 22],
  summary: 'cosine',
  scalar: () => ({ evaluate: Math.cos, even: true }),
});
