import { reshaping } from '../reshaping.ts';
import { sizeOf } from '../shapes.ts';

export const dropout = reshaping({
  name: 'Dropout',
  since: [7, 10, 12, 13, 22],
  summary: 'x (inference)',
  limits: 'not in training mode',
  inputs: [1, 3],
  attributes: { seed: { kind: 'int' } },
  parameters: [1, 2],
  upgrade: (node) => {
    if (node.opset < 12) node.floatToInput('ratio', 1);
    const mask = node.outputs[1] ?? '';
    const shape = node.shape(0);
    const inference = (node.inputs[2] ?? '') === '' || node.constant(2)?.data[0] === 0;
    if (mask === '' || shape === null || !inference) return;
    // Nothing is dropped at inference.
    node.scope.define(mask, { shape, type: 'bool', data: new Float64Array(sizeOf(shape)).fill(1) });
    node.outputs = node.outputs.slice(0, 1);
  },
  inferShapes: (view) => [view.shape(0), view.shape(0)],
  check: (view) => {
    const training = view.hasInput(2) && view.parameter(2).data[0] !== 0;
    if (training) {
      return [
        { reason: 'it is in training mode', suggestion: 'export the model for inference (model.eval())' },
      ];
    }
    return [];
  },
  evaluate: (view) => {
    const input = view.parameter(0);
    const mask = {
      shape: input.shape,
      type: 'bool',
      data: new Float64Array(sizeOf(input.shape)).fill(1),
    } as const;
    return [input, mask];
  },
});
