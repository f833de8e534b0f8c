import { normalise, scaleChannels } from '../normalisation.ts';
import { rewritten } from '../rewritten.ts';

export const instanceNormalization = rewritten({
  name: 'InstanceNormalization',
  since: [6, 22],
  summary: 'statistics of each channel, whose inverse root is approximated on its calibrated range',
  category: 'activation',
  inputs: [3, 3],
  attributes: { epsilon: { kind: 'float', default: 1e-5 } },
  rewrite: (node) => {
    const shape = node.requireShape(0);
    if (shape.length < 3) node.fail('the input has no spatial axes');
    const [x, scale, bias] = node.inputs as [string, string, string];
    const axes = shape.flatMap((_, axis) => (axis < 2 ? [] : [axis]));
    const { value } = normalise(node, x, axes, node.number('epsilon', 1e-5));
    scaleChannels(node, value, scale, bias, shape.length, shape[1]!);
  },
});
