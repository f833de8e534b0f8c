import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sizeOf, stridesOf } from '../shapes.ts';

export const reverseSequence: Operator = {
  name: 'ReverseSequence',
  specUrl: specUrl('ReverseSequence'),
  since: [10],
  summary: 'reverses the beginning of every sequence of a batch',
  limits: 'the lengths must be constant',
  category: 'linear',
  inputs: [2, 2],
  attributes: {
    batch_axis: { kind: 'int', default: 1, values: [0, 1] },
    time_axis: { kind: 'int', default: 0, values: [0, 1] },
  },
  parameters: [1],
  inferShapes: (view) => {
    const shape = view.shape(0);
    const [batch, time] = [view.number('batch_axis'), view.number('time_axis')];
    if (shape.length < 2 || batch === time)
      view.fail('INVALID_SHAPE', 'it needs a time axis and another one for the batch');
    const lengths = view.integers(1)!;
    if (lengths.length !== shape[batch] || lengths.some((length) => length < 0 || length > shape[time]!))
      view.fail('INVALID_PARAMETER', `${shape[batch]} lengths of 0 to ${shape[time]} are needed`);
    return [shape];
  },
  behaviour: (view) => ({
    kind: 'movement',
    movement: () => {
      const shape = view.shape(0);
      const strides = stridesOf(shape);
      const [batch, time] = [view.number('batch_axis'), view.number('time_axis')];
      const lengths = view.integers(1)!;
      const sources = Int32Array.from({ length: sizeOf(shape) }, (_, element) => {
        const at = (axis: number): number => Math.floor(element / strides[axis]!) % shape[axis]!;
        const [position, length] = [at(time), lengths[at(batch)]!];
        const from = position < length ? length - 1 - position : position;
        return element + (from - position) * strides[time]!;
      });
      return { data: [0], sources, fill: 0 };
    },
  }),
  // Every sample has a length of its own.
  keepsBatch: () => false,
};
