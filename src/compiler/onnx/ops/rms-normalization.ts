import { normalise } from '../normalisation.ts';
import { rewritten } from '../rewritten.ts';

export const rmsNormalization = rewritten({
  name: 'RMSNormalization',
  since: [23],
  summary: 'x / √(mean of squares), the inverse root approximated on its calibrated range',
  category: 'activation',
  inputs: [2, 2],
  attributes: {
    axis: { kind: 'int', default: -1 },
    epsilon: { kind: 'float', default: 1e-5 },
    stash_type: { kind: 'int', default: 1 },
  },
  rewrite: (node) => {
    const { length: rank } = node.requireShape(0);
    const axis = node.number('axis', -1);
    const first = axis < 0 ? axis + rank : axis;
    if (!(first >= 0 && first < rank)) node.fail(`axis ${axis} is outside a tensor of rank ${rank}`);
    const axes = Array.from({ length: rank - first }, (_, k) => first + k);
    const { value } = normalise(node, node.inputs[0]!, axes, node.number('epsilon', 1e-5), false);
    node.become('Mul', [value, node.inputs[1]!]);
  },
});
