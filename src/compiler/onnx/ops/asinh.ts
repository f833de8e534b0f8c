import { activation } from '../activation.ts';

export const asinh = activation({
  name: 'Asinh',
  since: [9, 22],
  summary: 'inverse hyperbolic sine',
  scalar: () => ({ evaluate: Math.asinh }),
});
