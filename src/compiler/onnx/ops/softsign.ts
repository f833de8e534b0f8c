import { activation } from '../activation.ts';

export const softsign = activation({
  name: 'Softsign',
  since: [1, 22],
  summary: 'x / (1 + |x|)',
  scalar: () => ({ evaluate: (x) => x / (1 + Math.abs(x)) }),
});
