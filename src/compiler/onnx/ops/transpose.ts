import type { NodeView } from '../node-view.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { stridedIndices, stridesOf } from '../shapes.ts';

function permutation(view: NodeView): readonly number[] {
  const rank = view.shape(0).length;
  const given = view.numbers('perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  const perm = view.axes(given, rank);
  if (perm.length !== rank) view.fail('INVALID_ATTRIBUTE', `perm must name all ${rank} axes`);
  return perm;
}

export const transpose: Operator = {
  name: 'Transpose',
  specUrl: specUrl('Transpose'),
  since: [1, 13, 21, 23, 24, 25],
  summary: 'any permutation of the axes',
  category: 'linear',
  inputs: [1, 1],
  attributes: { perm: { kind: 'ints' } },
  parameters: [],
  inferShapes: (view) => [permutation(view).map((axis) => view.shape(0)[axis]!)],
  behaviour: (view) => ({
    kind: 'movement',
    movement: () => {
      const strides = stridesOf(view.shape(0));
      const sources = stridedIndices(
        view.outputShape(0),
        permutation(view).map((axis) => strides[axis]!),
      );
      return { data: [0], sources, fill: 0 };
    },
  }),
  keepsBatch: (view) => permutation(view)[0] === 0,
};
