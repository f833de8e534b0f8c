import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sizeOf, stridesOf } from '../shapes.ts';

export const gatherElements: Operator = {
  name: 'GatherElements',
  specUrl: specUrl('GatherElements'),
  since: [11, 13],
  summary: 'picks one entry along an axis for every index',
  limits: 'the indices must be constant',
  category: 'linear',
  inputs: [2, 2],
  attributes: { axis: { kind: 'int', default: 0 } },
  parameters: [1],
  inferShapes: (view) => [view.shape(1)],
  behaviour: (view) => ({
    kind: 'movement',
    movement: () => {
      const [from, out] = [view.shape(0), view.shape(1)];
      const axis = view.axis(view.number('axis'), from.length);
      const indices = view.integers(1)!;
      const [fromStrides, outStrides] = [stridesOf(from), stridesOf(out)];
      const sources = Int32Array.from({ length: sizeOf(out) }, (_, element) =>
        from.reduce((sum, dim, k) => {
          const own = Math.floor(element / outStrides[k]!) % out[k]!;
          const picked = indices[element]!;
          const index = k !== axis ? own : picked < 0 ? picked + dim : picked;
          if (!(index >= 0 && index < dim)) view.fail('INVALID_PARAMETER', `index ${picked} is out of range`);
          return sum + index * fromStrides[k]!;
        }, 0),
      );
      return { data: [0], sources, fill: 0 };
    },
  }),
  keepsBatch: () => false,
};
