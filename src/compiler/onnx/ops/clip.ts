import { activation, scalarParameter } from '../activation.ts';

export const clip = activation({
  name: 'Clip',
  since: [6, 11, 12, 13],
  summary: 'min(max(x, min), max); ReLU6 is Clip(0, 6)',
  inputs: [1, 3],
  parameters: [1, 2],
  upgrade: (node) => {
    if (node.opset >= 11) return;
    node.floatToInput('min', 1);
    node.floatToInput('max', 2);
  },
  scalar: (view) => {
    const min = scalarParameter(view, 1, -Infinity);
    const max = scalarParameter(view, 2, Infinity);
    return { evaluate: (x) => Math.min(Math.max(x, min), max) };
  },
});
