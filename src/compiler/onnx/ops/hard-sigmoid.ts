import { activation } from '../activation.ts';

export const hardSigmoid = activation({
  name: 'HardSigmoid',
  since: [6, 22],
  summary: 'max(0, min(1, alpha · x + beta))',
  attributes: { alpha: { kind: 'float', default: 0.2 }, beta: { kind: 'float', default: 0.5 } },
  scalar: (view) => {
    const alpha = view.number('alpha');
    const beta = view.number('beta');
    return { evaluate: (x) => Math.max(0, Math.min(1, alpha * x + beta)) };
  },
});
