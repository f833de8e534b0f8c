import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { reduceMatrix } from '../reduction.ts';
import { sizeOf } from '../shapes.ts';

export const globalAveragePool: Operator = {
  name: 'GlobalAveragePool',
  specUrl: specUrl('GlobalAveragePool'),
  since: [1, 22],
  summary: 'mean over all spatial positions',
  category: 'pooling',
  inputs: [1, 1],
  attributes: {},
  parameters: [],
  inferShapes: (view) => {
    const shape = view.shape(0);
    if (shape.length < 3) view.fail('INVALID_SHAPE', 'the input has no spatial axes');
    return [shape.map((dim, axis) => (axis < 2 ? dim : 1))];
  },
  behaviour: (view) => ({
    kind: 'linear',
    perElement: sizeOf(view.shape(0).slice(2)),
    linear: () => {
      const axes = view.shape(0).flatMap((_, axis) => (axis < 2 ? [] : [axis]));
      return { terms: [{ input: 0, matrix: reduceMatrix(view.shape(0), axes, true) }], bias: null };
    },
  }),
};
