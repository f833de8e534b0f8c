import { activation } from '../activation.ts';

export const cosh = activation({
  name: 'Cosh',
  since: [9, 22],
  summary: '(e^x + e^−x) / 2',
  scalar: () => ({ evaluate: Math.cosh, even: true }),
});
