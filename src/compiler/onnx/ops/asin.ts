import { activation } from '../activation.ts';

export const asin = activation({
  name: 'Asin',
  since: [7, 22],
  summary: 'arc sine',
  scalar: () => ({ evaluate: Math.asin }),
});
