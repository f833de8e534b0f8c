import { clientOperator } from '../client-operator.ts';
import { upgradeSoftmax } from '../softmax-upgrade.ts';

export const hardmax = clientOperator({
  name: 'Hardmax',
  since: [1, 11, 13],
  summary: '1 at the first of the largest entries along an axis, 0 elsewhere',
  attributes: { axis: { kind: 'int', default: -1 } },
  upgrade: upgradeSoftmax,
  inferShapes: (view) => [view.shape(0)],
});
