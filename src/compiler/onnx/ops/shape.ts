import { integerTensor } from '../kernels.ts';
import type { NodeView } from '../node-view.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';

function taken(view: NodeView): readonly number[] {
  const shape = view.shape(0);
  return shape.slice(view.number('start'), view.hasAttribute('end') ? view.number('end') : undefined);
}

export const shape: Operator = {
  name: 'Shape',
  specUrl: specUrl('Shape'),
  since: [1, 13, 15, 19, 21, 23, 24, 25],
  summary: 'known at compile time, also of an encrypted tensor',
  category: 'constant',
  inputs: [1, 1],
  attributes: { start: { kind: 'int', default: 0 }, end: { kind: 'int' } },
  parameters: [],
  inferShapes: (view) => [[taken(view).length]],
  behaviour: () => ({ kind: 'constant' }),
  evaluate: (view) => [integerTensor(taken(view))],
};
