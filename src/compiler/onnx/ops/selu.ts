import { activation } from '../activation.ts';

export const selu = activation({
  name: 'Selu',
  since: [6, 22],
  summary: 'gamma · x for x > 0, else gamma · alpha · (e^x − 1)',
  attributes: {
    alpha: { kind: 'float', default: 1.6732632423543772 },
    gamma: { kind: 'float', default: 1.0507009873554805 },
  },
  scalar: (view) => {
    const alpha = view.number('alpha');
    const gamma = view.number('gamma');
    return { evaluate: (x) => gamma * (x > 0 ? x : alpha * Math.expm1(x)) };
  },
});
