import type { NodeView } from '../node-view.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sizeOf, stridesOf } from '../shapes.ts';

/** Kept positions, along the axis or in the flattened tensor (axis null). */
function chosen(view: NodeView): { readonly axis: number | null; readonly kept: readonly number[] } {
  const shape = view.shape(0);
  const axis = view.hasAttribute('axis') ? view.axis(view.number('axis'), shape.length) : null;
  const length = axis === null ? sizeOf(shape) : shape[axis]!;
  const { data } = view.parameter(1);
  if (data.length > length)
    view.fail('INVALID_PARAMETER', `the condition has ${data.length} entries for ${length} positions`);
  return { axis, kept: Array.from(data).flatMap((keep, position) => (keep === 0 ? [] : [position])) };
}

export const compress: Operator = {
  name: 'Compress',
  specUrl: specUrl('Compress'),
  since: [9, 11, 25],
  summary: 'keeps the positions where a mask is true, along an axis or of the flattened tensor',
  limits: 'the condition must be constant',
  category: 'linear',
  inputs: [2, 2],
  attributes: { axis: { kind: 'int' } },
  parameters: [1],
  inferShapes: (view) => {
    const { axis, kept } = chosen(view);
    return [axis === null ? [kept.length] : view.shape(0).map((dim, k) => (k === axis ? kept.length : dim))];
  },
  behaviour: (view) => ({
    kind: 'movement',
    movement: () => {
      const { axis, kept } = chosen(view);
      if (axis === null) return { data: [0], sources: Int32Array.from(kept), fill: 0 };
      const output = view.outputShape(0);
      const inner = stridesOf(output)[axis]!;
      const sources = Int32Array.from({ length: sizeOf(output) }, (_, element) => {
        const outer = Math.floor(element / (inner * kept.length));
        const position = kept[Math.floor(element / inner) % kept.length]!;
        return (outer * view.shape(0)[axis]! + position) * inner + (element % inner);
      });
      return { data: [0], sources, fill: 0 };
    },
  }),
  keepsBatch: (view) => {
    const { axis } = chosen(view);
    return axis !== null && axis !== 0;
  },
};
