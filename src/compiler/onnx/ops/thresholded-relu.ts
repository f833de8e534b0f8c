import { activation } from '../activation.ts';

export const thresholdedRelu = activation({
  name: 'ThresholdedRelu',
  since: [10, 22],
  summary: 'x for x > alpha, else 0',
  attributes: { alpha: { kind: 'float', default: 1 } },
  scalar: (view) => {
    const alpha = view.number('alpha');
    return { evaluate: (x) => (x > alpha ? x : 0) };
  },
});
