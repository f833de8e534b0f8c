import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sizeOf } from '../shapes.ts';

export const size: Operator = {
  name: 'Size',
  specUrl: specUrl('Size'),
  since: [1, 13, 19, 21, 23, 24, 25],
  summary: 'known at compile time, also of an encrypted tensor',
  category: 'constant',
  inputs: [1, 1],
  attributes: {},
  parameters: [],
  inferShapes: () => [[]],
  behaviour: () => ({ kind: 'constant' }),
  evaluate: (view) => [{ shape: [], type: 'int', data: Float64Array.of(sizeOf(view.shape(0))) }],
};
