import { reshaping } from '../reshaping.ts';

export const unsqueeze = reshaping({
  name: 'Unsqueeze',
  since: [1, 11, 13, 21, 23, 24, 25],
  summary: 'inserts dimensions of size one',
  inputs: [2, 2],
  attributes: {},
  parameters: [1],
  upgrade: (node) => {
    if (node.opset < 13) node.integersToInput('axes', 1);
  },
  inferShapes: (view) => {
    const shape = view.shape(0);
    const given = view.integers(1)!;
    const axes = new Set(view.axes(given, shape.length + given.length));
    const rest = [...shape];
    return [
      Array.from({ length: shape.length + axes.size }, (_, axis) => (axes.has(axis) ? 1 : rest.shift()!)),
    ];
  },
});
