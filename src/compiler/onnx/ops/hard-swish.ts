import { activation } from '../activation.ts';

export const hardSwish = activation({
  name: 'HardSwish',
  since: [14, 22],
  summary: 'x · max(0, min(1, x/6 + 1/2))',
  scalar: () => ({ evaluate: (x) => x * Math.max(0, Math.min(1, x / 6 + 0.5)) }),
});
