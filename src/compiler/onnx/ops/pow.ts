import { scalarParameter } from '../activation.ts';
import { broadcastKeepsBatch, broadcastShape, combineConstants } from '../kernels.ts';
import type { NodeView } from '../node-view.ts';
import type { Operator, Refusal } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sameShape } from '../shapes.ts';

function refusals(view: NodeView): Refusal[] {
  const [encrypted] = view.encryptedInputs();
  if (encrypted === undefined) return [];
  const exponent = view.constant(1);
  if (encrypted === 0 && exponent !== null && sameShape(view.shape(0), broadcastShape(view))) {
    const long = exponent.shape.filter((dim) => dim !== 1);
    const whole = exponent.data.every((value) => Number.isInteger(value) && value >= 0 && value <= 64);
    if (exponent.data.length === 1 || (long.length === 1 && whole)) return [];
  }
  return [
    {
      reason: 'only powers with one constant exponent, or with whole exponents per channel, are supported',
      suggestion: 'use Mul for small powers, or split the tensor by exponent',
    },
  ];
}

export const pow: Operator = {
  name: 'Pow',
  specUrl: specUrl('Pow'),
  since: [7, 12, 13, 15],
  summary: 'x^n; small integer exponents are exact polynomials, others are approximated',
  limits: 'one constant exponent, or whole ones per channel',
  category: 'arithmetic',
  inputs: [2, 2],
  attributes: {},
  parameters: [],
  inferShapes: (view) => [broadcastShape(view)],
  check: refusals,
  behaviour: (view) => {
    const exponent = scalarParameter(view, 1, 1);
    return { kind: 'activation', scalar: { evaluate: (x) => x ** exponent, even: exponent % 2 === 0 } };
  },
  evaluate: (view) => combineConstants(view, (a, b) => a ** b, view.parameter(0).type),
  keepsBatch: broadcastKeepsBatch,
};
