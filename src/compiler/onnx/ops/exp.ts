import { activation } from '../activation.ts';

export const exp = activation({
  name: 'Exp',
  since: [6, 13],
  summary: 'e^x',
  scalar: () => ({ evaluate: Math.exp }),
});
