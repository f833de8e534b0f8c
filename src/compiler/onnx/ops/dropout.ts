import { reshaping } from '../reshaping.ts';
import { sizeOf } from '../shapes.ts';

export const dropout = reshaping({
  name: 'Dropout',
  since: [7, 10, 12, 13, 22],
  summary: 'x (inference)',
  limits: 'not in training mode; no mask of an encrypted tensor',
  inputs: [1, 3],
  attributes: { seed: { kind: 'int' } },
  parameters: [1, 2],
  upgrade: (node) => {
    if (node.opset < 12) node.floatToInput('ratio', 1);
  },
  inferShapes: (view) => [view.shape(0), view.shape(0)],
  check: (view) => {
    const training = view.hasInput(2) && view.parameter(2).data[0] !== 0;
    if (training) {
      return [
        { reason: 'it is in training mode', suggestion: 'export the model for inference (model.eval())' },
      ];
    }
    if (view.hasOutput(1) && view.isEncrypted(0)) {
      return [
        { reason: 'the mask output is not supported', suggestion: 'remove the mask output (all ones)' },
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
