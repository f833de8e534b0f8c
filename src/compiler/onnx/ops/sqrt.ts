import { activation } from '../activation.ts';

export const sqrt = activation({
  name: 'Sqrt',
  since: [6, 13],
  summary: '√x (0 for x < 0, where ONNX has NaN)',
  scalar: () => ({ evaluate: (x) => Math.sqrt(Math.max(x, 0)) }),
});
