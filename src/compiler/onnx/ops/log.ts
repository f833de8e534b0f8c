import { activation } from '../activation.ts';

export const log = activation({
  name: 'Log',
  since: [6, 13],
  summary: 'natural logarithm',
  scalar: () => ({ evaluate: Math.log }),
});
