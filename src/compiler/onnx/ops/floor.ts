import { activation } from '../activation.ts';
import { constantOnly } from '../refusals.ts';

export const floor = activation({
  name: 'Floor',
  since: [6, 13],
  summary: 'of constants only (sizes computed by the exporter)',
  limits: 'constants only',
  check: constantOnly,
  scalar: () => ({ evaluate: Math.floor }),
});
