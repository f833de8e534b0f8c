import { reshaping } from '../reshaping.ts';

export const squeeze = reshaping({
  name: 'Squeeze',
  since: [1, 11, 13, 21, 23, 24, 25],
  summary: 'removes dimensions of size one',
  inputs: [1, 2],
  attributes: {},
  parameters: [1],
  upgrade: (node) => {
    if (node.opset < 13) node.integersToInput('axes', 1);
  },
  inferShapes: (view) => {
    const shape = view.shape(0);
    const given = view.integers(1);
    const axes =
      given === null ? shape.flatMap((dim, i) => (dim === 1 ? [i] : [])) : view.axes(given, shape.length);
    for (const axis of axes) {
      if (shape[axis] !== 1) view.fail('INVALID_SHAPE', `dimension ${axis} has size ${shape[axis]}, not 1`);
    }
    return [shape.filter((_, axis) => !axes.includes(axis))];
  },
});
