import { reshaping } from '../reshaping.ts';
import { sizeOf } from '../shapes.ts';

export const reshape = reshaping({
  name: 'Reshape',
  since: [5, 13, 14, 19, 21, 23, 24, 25],
  summary: 'new shape, 0 and −1 included',
  limits: 'the shape must be constant',
  inputs: [2, 2],
  attributes: { allowzero: { kind: 'int', default: 0, values: [0, 1] } },
  parameters: [1],
  inferShapes: (view) => {
    const input = view.shape(0);
    const requested = view.integers(1)!;
    const keepZero = view.number('allowzero') === 1;
    const shape = requested.map((dim, axis) => {
      if (dim !== 0 || keepZero) return dim;
      return (
        input[axis] ??
        view.fail('INVALID_SHAPE', `dimension ${axis} is copied from an input of rank ${input.length}`)
      );
    });
    const unknown = shape.flatMap((dim, axis) => (dim === -1 ? [axis] : []));
    if (unknown.length > 1 || shape.some((dim) => dim < -1)) {
      view.fail('INVALID_SHAPE', `[${requested.join(', ')}] is not a shape`);
    }
    if (unknown.length === 1) {
      const rest = sizeOf(shape.filter((dim) => dim !== -1));
      shape[unknown[0]!] = rest === 0 ? 0 : sizeOf(input) / rest;
    }
    if (!shape.every(Number.isInteger) || sizeOf(shape) !== sizeOf(input)) {
      view.fail('INVALID_SHAPE', `[${input.join(', ')}] cannot be reshaped to [${requested.join(', ')}]`);
    }
    return [shape];
  },
});
