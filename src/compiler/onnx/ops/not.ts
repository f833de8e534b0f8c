import { mapConstant } from '../kernels.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';

export const not: Operator = {
  name: 'Not',
  specUrl: specUrl('Not'),
  since: [1],
  summary: '1 − a, of truth values that are encrypted as 0 and 1',
  category: 'linear',
  inputs: [1, 1],
  attributes: {},
  parameters: [],
  upgrade: (node) => {
    if (node.isEncrypted(0)) node.become('Sub', [node.scalar('one', 1), node.inputs[0]!]);
  },
  inferShapes: (view) => [view.shape(0)],
  behaviour: () => ({ kind: 'constant' }),
  evaluate: (view) => [{ ...mapConstant(view.parameter(0), (x) => (x === 0 ? 1 : 0)), type: 'bool' }],
};
