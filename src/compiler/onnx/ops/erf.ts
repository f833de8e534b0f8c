import { activation } from '../activation.ts';
import { erf as errorFunction } from '../error-function.ts';

export const erf = activation({
  name: 'Erf',
  since: [9, 13],
  summary: 'error function',
  scalar: () => ({ evaluate: errorFunction }),
});
