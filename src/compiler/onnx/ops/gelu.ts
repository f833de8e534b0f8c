import { activation } from '../activation.ts';
import { erf } from '../error-function.ts';

export const gelu = activation({
  name: 'Gelu',
  since: [20],
  summary: 'x · Φ(x), exactly or by the tanh formula',
  attributes: { approximate: { kind: 'string', default: 'none', values: ['none', 'tanh'] } },
  scalar: (view) =>
    view.string('approximate') === 'tanh'
      ? { evaluate: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))) }
      : { evaluate: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)) },
});
