import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { broadcast, broadcastIndices } from '../shapes.ts';

export const expand: Operator = {
  name: 'Expand',
  specUrl: specUrl('Expand'),
  since: [8, 13],
  summary: 'broadcasts to a larger shape',
  limits: 'the shape must be constant',
  category: 'linear',
  inputs: [2, 2],
  attributes: {},
  parameters: [1],
  inferShapes: (view) => {
    const target = view.integers(1)!;
    if (target.some((dim) => dim < 0)) view.fail('INVALID_SHAPE', `[${target.join(', ')}] is not a shape`);
    const shape = broadcast([view.shape(0), target]);
    return [
      shape ??
        view.fail('INVALID_SHAPE', `[${view.shape(0).join(', ')}] does not expand to [${target.join(', ')}]`),
    ];
  },
  behaviour: (view) => ({
    kind: 'movement',
    movement: () => ({ data: [0], sources: broadcastIndices(view.shape(0), view.outputShape(0)), fill: 0 }),
  }),
  keepsBatch: (view) => {
    const target = view.integers(1)!;
    const rank = view.shape(0).length;
    return target.length < rank || (target.length === rank && target[0] === 1);
  },
};
