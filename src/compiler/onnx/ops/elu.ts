import { activation } from '../activation.ts';

export const elu = activation({
  name: 'Elu',
  since: [6, 22],
  summary: 'x for x ≥ 0, else alpha · (e^x − 1)',
  attributes: { alpha: { kind: 'float', default: 1 } },
  scalar: (view) => {
    const alpha = view.number('alpha');
    return { evaluate: (x) => (x >= 0 ? x : alpha * Math.expm1(x)) };
  },
});
