import type { NodeView } from '../node-view.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sizeOf } from '../shapes.ts';

function gatherAxis(view: NodeView): number {
  return view.axis(view.number('axis'), view.shape(0).length);
}

export const gather: Operator = {
  name: 'Gather',
  specUrl: specUrl('Gather'),
  since: [1, 11, 13],
  summary: 'picks entries along an axis',
  limits: 'the indices must be constant',
  category: 'linear',
  inputs: [2, 2],
  attributes: { axis: { kind: 'int', default: 0 } },
  parameters: [1],
  inferShapes: (view) => {
    const axis = gatherAxis(view);
    const shape = view.shape(0);
    return [[...shape.slice(0, axis), ...view.shape(1), ...shape.slice(axis + 1)]];
  },
  behaviour: (view) => ({
    kind: 'movement',
    movement: () => {
      const shape = view.shape(0);
      const axis = gatherAxis(view);
      const dim = shape[axis]!;
      const indices = view.integers(1)!.map((value) => view.axis(value, dim));
      const outer = sizeOf(shape.slice(0, axis));
      const inner = sizeOf(shape.slice(axis + 1));
      const sources = new Int32Array(outer * indices.length * inner);
      let write = 0;
      for (let o = 0; o < outer; o++) {
        for (const index of indices) {
          for (let k = 0; k < inner; k++) sources[write++] = (o * dim + index) * inner + k;
        }
      }
      return { data: [0], sources, fill: 0 };
    },
  }),
  keepsBatch: (view) => gatherAxis(view) !== 0,
};
