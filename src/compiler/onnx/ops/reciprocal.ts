import { activation } from '../activation.ts';

export const reciprocal = activation({
  name: 'Reciprocal',
  since: [6, 13],
  summary: '1 / x',
  scalar: () => ({ evaluate: (x) => 1 / x }),
});
