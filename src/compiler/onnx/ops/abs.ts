import { activation } from '../activation.ts';

export const abs = activation({
  name: 'Abs',
  since: [6, 13],
  summary: '|x|',
  scalar: () => ({ evaluate: Math.abs, even: true }),
});
