import { activation } from '../activation.ts';

export const sinh = activation({
  name: 'Sinh',
  since: [9, 22],
  summary: '(e^x − e^−x) / 2',
  scalar: () => ({ evaluate: Math.sinh }),
});
