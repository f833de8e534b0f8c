import { reshaping } from '../reshaping.ts';
import { sizeOf } from '../shapes.ts';

export const flatten = reshaping({
  name: 'Flatten',
  since: [1, 9, 11, 13, 21, 23, 24, 25],
  summary: 'two dimensions: before and from `axis`',
  inputs: [1, 1],
  attributes: { axis: { kind: 'int', default: 1 } },
  parameters: [],
  inferShapes: (view) => {
    const shape = view.shape(0);
    const given = view.number('axis');
    const axis = given === shape.length ? given : view.axis(given, shape.length + (given < 0 ? 0 : 1));
    return [[sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis))]];
  },
});
