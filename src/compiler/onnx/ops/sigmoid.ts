import { activation } from '../activation.ts';

export const sigmoid = activation({
  name: 'Sigmoid',
  since: [6, 13],
  summary: '1 / (1 + e^−x); at the output the client applies it after decryption',
  scalar: () => ({ evaluate: (x) => 1 / (1 + Math.exp(-x)) }),
});
