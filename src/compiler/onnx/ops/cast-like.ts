import { reshaping } from '../reshaping.ts';

export const castLike = reshaping({
  name: 'CastLike',
  since: [15, 19, 21, 23, 24, 25],
  summary: 'to the element type of another tensor; encrypted values stay real numbers',
  inputs: [2, 2],
  attributes: { saturate: { kind: 'int', default: 1 } },
  parameters: [],
  upgrade: (node) => {
    if (node.isEncrypted(0)) node.become('Identity', [node.inputs[0]!]);
  },
  inferShapes: (view) => [view.shape(0)],
  evaluate: (view) => [{ ...view.parameter(0), type: view.constant(1)?.type ?? 'float' }],
});
