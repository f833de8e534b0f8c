import { activation } from '../activation.ts';

export const sin = activation({
  name: 'Sin',
  since: [7, 22],
  summary: 'sine',
  scalar: () => ({ evaluate: Math.sin }),
});
