import { activation } from '../activation.ts';
import { softplusOf } from './softplus.ts';

export const mish = activation({
  name: 'Mish',
  since: [18, 22],
  summary: 'x · tanh(ln(1 + e^x))',
  scalar: () => ({ evaluate: (x) => x * Math.tanh(softplusOf(x)) }),
});
