import { activation } from '../activation.ts';

export const celu = activation({
  name: 'Celu',
  since: [12],
  summary: 'max(0, x) + min(0, alpha · (e^(x/alpha) − 1))',
  attributes: { alpha: { kind: 'float', default: 1 } },
  scalar: (view) => {
    const alpha = view.number('alpha');
    return { evaluate: (x) => Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha)) };
  },
});
