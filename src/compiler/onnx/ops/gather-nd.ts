import type { NodeView } from '../node-view.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sizeOf, stridesOf } from '../shapes.ts';

function geometry(view: NodeView): { batch: number; depth: number; outer: number[]; inner: number[] } {
  const [data, indices] = [view.shape(0), view.shape(1)];
  const batch = view.number('batch_dims');
  const depth = indices.at(-1) ?? 0;
  if (!(batch >= 0 && batch < indices.length && depth >= 1 && batch + depth <= data.length))
    view.fail('INVALID_SHAPE', `indices [${indices.join(', ')}] do not fit [${data.join(', ')}]`);
  return { batch, depth, outer: indices.slice(0, -1), inner: data.slice(batch + depth) };
}

export const gatherNd: Operator = {
  name: 'GatherND',
  specUrl: specUrl('GatherND'),
  since: [11, 12, 13],
  summary: 'picks slices by index tuples',
  limits: 'the indices must be constant',
  category: 'linear',
  inputs: [2, 2],
  attributes: { batch_dims: { kind: 'int', default: 0 } },
  parameters: [1],
  inferShapes: (view) => {
    const { outer, inner } = geometry(view);
    return [[...outer, ...inner]];
  },
  behaviour: (view) => ({
    kind: 'movement',
    movement: () => {
      const data = view.shape(0);
      const { batch, depth, outer, inner } = geometry(view);
      const strides = stridesOf(data);
      const indices = view.integers(1)!;
      const size = sizeOf(inner);
      const perBatch = sizeOf(outer.slice(batch));
      const batchSize = sizeOf(data.slice(batch));
      const sources = Int32Array.from({ length: sizeOf(outer) * size }, (_, element) => {
        const tuple = Math.floor(element / size);
        let source = Math.floor(tuple / perBatch) * batchSize + (element % size);
        for (let k = 0; k < depth; k++) {
          const dim = data[batch + k]!;
          const given = indices[tuple * depth + k]!;
          const index = given < 0 ? given + dim : given;
          if (!(index >= 0 && index < dim)) view.fail('INVALID_PARAMETER', `index ${given} is out of range`);
          source += index * strides[batch + k]!;
        }
        return source;
      });
      return { data: [0], sources, fill: 0 };
    },
  }),
  keepsBatch: () => false,
};
