import { activation } from '../activation.ts';

export const relu = activation({
  name: 'Relu',
  since: [6, 13, 14],
  summary: 'max(x, 0)',
  scalar: () => ({ evaluate: (x) => Math.max(x, 0) }),
});
