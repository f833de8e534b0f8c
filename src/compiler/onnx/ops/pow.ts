import { scalarParameter } from '../activation.ts';
import { broadcastKeepsBatch, broadcastShape, combineConstants } from '../kernels.ts';
import type { LegacyNode } from '../legacy-node.ts';
import type { NodeView } from '../node-view.ts';
import type { Operator, Refusal } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { broadcast, sameShape } from '../shapes.ts';

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

/** b^e = exp(e · ln b) where the exponent is encrypted, or differs within a channel and is not whole. */
function rewrite(node: LegacyNode): void {
  const [base, exponent] = node.inputs as [string, string];
  if (node.isEncrypted(1)) {
    const known = node.constant(0);
    if (known !== null && known.data.some((value) => value <= 0))
      node.refuse('a constant base must be positive where the exponent is encrypted', 'use a positive base');
    return node.become('Exp', [node.precede('Mul', [node.precede('Log', [base]), exponent])]);
  }
  const values = node.constant(1)?.data;
  if (!node.isEncrypted(0) || values === undefined || values.length === 1) return;
  const whole = values.every((value) => Number.isInteger(value) && value >= 0 && value <= 64);
  const axes = node.requireShape(1).filter((dim) => dim !== 1).length;
  if (
    whole &&
    axes === 1 &&
    sameShape(node.requireShape(0), broadcast([node.requireShape(0), node.requireShape(1)]) ?? [])
  )
    return;
  node.scope.warn(`Pow '${node.name}': read as exp(e · ln x), which needs a positive base`);
  node.become('Exp', [node.precede('Mul', [node.precede('Log', [base]), exponent])]);
}

export const pow: Operator = {
  name: 'Pow',
  specUrl: specUrl('Pow'),
  since: [7, 12, 13, 15],
  summary: 'x^n; small integer exponents are exact polynomials, others are approximated',
  limits: 'other than one constant exponent or whole ones per channel: positive bases',
  category: 'arithmetic',
  inputs: [2, 2],
  attributes: {},
  parameters: [],
  upgrade: rewrite,
  inferShapes: (view) => [broadcastShape(view)],
  check: refusals,
  behaviour: (view) => {
    const exponent = scalarParameter(view, 1, 1);
    return { kind: 'activation', scalar: { evaluate: (x) => x ** exponent, even: exponent % 2 === 0 } };
  },
  evaluate: (view) => combineConstants(view, (a, b) => a ** b, view.parameter(0).type),
  keepsBatch: broadcastKeepsBatch,
};
