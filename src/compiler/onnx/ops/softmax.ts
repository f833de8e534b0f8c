import { clientOperator } from '../client-operator.ts';
import { upgradeSoftmax } from '../softmax-upgrade.ts';

export const softmax = clientOperator({
  name: 'Softmax',
  since: [1, 11, 13],
  summary: 'e^x / Σ e^x along an axis',
  attributes: { axis: { kind: 'int', default: -1 } },
  upgrade: upgradeSoftmax,
  inferShapes: (view) => [view.shape(0)],
});
