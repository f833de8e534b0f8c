import { broadcastShape, combineConstants } from '../kernels.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { constantOnly } from '../refusals.ts';

export const equal: Operator = {
  name: 'Equal',
  specUrl: specUrl('Equal'),
  since: [7, 11, 13, 19],
  summary: 'comparison of constants (in shape computations)',
  limits: 'constants only',
  category: 'constant',
  inputs: [2, 2],
  attributes: {},
  parameters: [],
  inferShapes: (view) => [broadcastShape(view)],
  check: constantOnly,
  behaviour: () => ({ kind: 'constant' }),
  evaluate: (view) => combineConstants(view, (a, b) => (a === b ? 1 : 0), 'bool'),
};
