import { activation } from '../activation.ts';

export const shrink = activation({
  name: 'Shrink',
  since: [9],
  summary: 'x + bias below −lambd, x − bias above lambd, else 0',
  limits: 'approximated well only where it is continuous (bias = lambd)',
  attributes: { bias: { kind: 'float', default: 0 }, lambd: { kind: 'float', default: 0.5 } },
  scalar: (view) => {
    const [bias, lambd] = [view.number('bias'), view.number('lambd')];
    return { evaluate: (x) => (x < -lambd ? x + bias : x > lambd ? x - bias : 0) };
  },
});
