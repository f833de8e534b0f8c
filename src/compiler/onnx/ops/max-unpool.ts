import { spatialList } from '../windows.ts';
import type { NodeView } from '../node-view.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sizeOf, stridesOf } from '../shapes.ts';

/** The shape that the indices count in: what the pooling would have had as its input. */
function pooledShape(view: NodeView): number[] {
  const shape = view.shape(0);
  const rank = shape.length - 2;
  const kernel = spatialList(view, 'kernel_shape', rank, 1, 1);
  const strides = spatialList(view, 'strides', rank, 1, 1);
  const pads = spatialList(view, 'pads', 2 * rank, 0, 0);
  const spatial = shape
    .slice(2)
    .map((dim, k) => (dim - 1) * strides[k]! + kernel[k]! - pads[k]! - pads[k + rank]!);
  return [...shape.slice(0, 2), ...spatial];
}

export const maxUnpool: Operator = {
  name: 'MaxUnpool',
  specUrl: specUrl('MaxUnpool'),
  since: [9, 11, 22],
  summary: 'puts values where a MaxPool found them',
  limits: 'the indices must be constant',
  category: 'linear',
  inputs: [2, 3],
  attributes: {
    kernel_shape: { kind: 'ints', required: true },
    pads: { kind: 'ints' },
    strides: { kind: 'ints' },
  },
  parameters: [1, 2],
  inferShapes: (view) => {
    const pooled = pooledShape(view);
    const shape = view.integers(2) ?? pooled;
    if (sizeOf(view.shape(1)) !== sizeOf(view.shape(0)))
      view.fail('INVALID_SHAPE', 'it needs one index per element');
    if (shape.length !== pooled.length || shape.some((dim, axis) => dim < pooled[axis]!))
      view.fail('INVALID_PARAMETER', `[${shape.join(', ')}] does not hold [${pooled.join(', ')}]`);
    return [shape];
  },
  behaviour: (view) => ({
    kind: 'movement',
    movement: () => {
      const pooled = pooledShape(view);
      const output = view.outputShape(0);
      const [inner, outer] = [stridesOf(pooled), stridesOf(output)];
      const sources = new Int32Array(sizeOf(output)).fill(-1);
      for (const [element, index] of view.integers(1)!.entries()) {
        if (!(index >= 0 && index < sizeOf(pooled)))
          view.fail('INVALID_PARAMETER', `index ${index} is out of range`);
        const target = pooled.reduce(
          (sum, dim, axis) => sum + (Math.floor(index / inner[axis]!) % dim) * outer[axis]!,
          0,
        );
        sources[target] = element;
      }
      return { data: [0], sources, fill: 0 };
    },
  }),
  keepsBatch: () => false,
};
