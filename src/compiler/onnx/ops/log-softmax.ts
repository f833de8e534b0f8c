import { clientOperator } from '../client-operator.ts';
import { upgradeSoftmax } from '../softmax-upgrade.ts';

export const logSoftmax = clientOperator({
  name: 'LogSoftmax',
  since: [1, 11, 13],
  summary: 'logarithm of Softmax',
  attributes: { axis: { kind: 'int', default: -1 } },
  upgrade: upgradeSoftmax,
  inferShapes: (view) => [view.shape(0)],
});
