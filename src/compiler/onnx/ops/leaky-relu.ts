import { activation } from '../activation.ts';

export const leakyRelu = activation({
  name: 'LeakyRelu',
  since: [6, 16],
  summary: 'x for x ≥ 0, else alpha · x',
  attributes: { alpha: { kind: 'float', default: 0.01 } },
  scalar: (view) => {
    const alpha = view.number('alpha');
    return { evaluate: (x) => (x >= 0 ? x : alpha * x) };
  },
});
