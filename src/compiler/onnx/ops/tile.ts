import type { NodeView } from '../node-view.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sizeOf, stridesOf } from '../shapes.ts';

function repeats(view: NodeView): number[] {
  const values = view.integers(1)!;
  if (values.length !== view.shape(0).length || values.some((value) => value < 0)) {
    view.fail('INVALID_PARAMETER', `repeats must be ${view.shape(0).length} counts`);
  }
  return values;
}

export const tile: Operator = {
  name: 'Tile',
  specUrl: specUrl('Tile'),
  since: [6, 13],
  summary: 'repeats along every axis',
  limits: 'the repeats must be constant',
  category: 'linear',
  inputs: [2, 2],
  attributes: {},
  parameters: [1],
  inferShapes: (view) => {
    const counts = repeats(view);
    return [view.shape(0).map((dim, axis) => dim * counts[axis]!)];
  },
  behaviour: (view) => ({
    kind: 'movement',
    movement: () => {
      const input = view.shape(0);
      const output = view.outputShape(0);
      const strides = stridesOf(input);
      const inner = stridesOf(output);
      const sources = Int32Array.from({ length: sizeOf(output) }, (_, element) =>
        input.reduce(
          (sum, dim, axis) =>
            sum + ((Math.floor(element / inner[axis]!) % output[axis]!) % dim) * strides[axis]!,
          0,
        ),
      );
      return { data: [0], sources, fill: 0 };
    },
  }),
  keepsBatch: (view) => repeats(view)[0] === 1,
};
