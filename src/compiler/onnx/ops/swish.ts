import { activation } from '../activation.ts';

export const swish = activation({
  name: 'Swish',
  since: [24],
  summary: 'x · Sigmoid(alpha · x)',
  attributes: { alpha: { kind: 'float', default: 1 } },
  scalar: (view) => {
    const alpha = view.number('alpha');
    return { evaluate: (x) => x / (1 + Math.exp(-alpha * x)) };
  },
});
