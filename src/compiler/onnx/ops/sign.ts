import { activation } from '../activation.ts';

export const sign = activation({
  name: 'Sign',
  since: [9, 13],
  summary: '−1, 0 or 1; a composition of polynomials, steep around 0',
  limits: 'near 0: between −1 and 1',
  scalar: () => ({ evaluate: Math.sign }),
});
