import { maxPool } from './max-pool.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';

/** Read as a MaxPool over the whole input. */
export const globalMaxPool: Operator = {
  ...maxPool,
  name: 'GlobalMaxPool',
  specUrl: specUrl('GlobalMaxPool'),
  since: [1, 22],
  summary: 'maximum over all spatial positions (read as MaxPool)',
  limits: '',
  upgrade: (node) => {
    const shape = node.scope.shape(node.inputs[0] ?? '');
    if (shape === null) return;
    node.op = 'MaxPool';
    node.attributes.set('kernel_shape', shape.slice(2));
  },
};
