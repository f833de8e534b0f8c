import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import {
  broadcastConstant,
  broadcastKeepsBatch,
  broadcastShape,
  combineConstants,
  weightedTerm,
} from '../kernels.ts';

export const div: Operator = {
  name: 'Div',
  specUrl: specUrl('Div'),
  since: [7, 13, 14],
  summary: 'a / b with broadcasting; an encrypted divisor is inverted on its calibrated range',
  category: 'linear',
  inputs: [2, 2],
  attributes: {},
  parameters: [],
  upgrade: (node) => {
    const [left, right] = node.inputs as [string, string];
    if (!node.isEncrypted(1)) return;
    node.become('Mul', [left, node.precede('Reciprocal', [right])]);
  },
  inferShapes: (view) => [broadcastShape(view)],
  check: (view) => {
    if (view.isEncrypted(0) && view.parameter(1).data.includes(0)) {
      return [{ reason: 'the divisor holds zeros', suggestion: 'add a small constant to the divisor' }];
    }
    return [];
  },
  behaviour: (view) => ({
    kind: 'linear',
    linear: () =>
      weightedTerm(
        view,
        0,
        broadcastConstant(view, 1).map((value) => 1 / value),
      ),
  }),
  evaluate: (view) => {
    const integers = view.parameter(0).type === 'int' && view.parameter(1).type === 'int';
    if (integers && view.parameter(1).data.includes(0))
      view.fail('INVALID_PARAMETER', 'integer division by zero');
    return combineConstants(view, (a, b) => (integers ? Math.trunc(a / b) : a / b));
  },
  keepsBatch: broadcastKeepsBatch,
};
