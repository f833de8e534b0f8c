import { normalise } from '../normalisation.ts';
import { rewritten } from '../rewritten.ts';

export const layerNormalization = rewritten({
  name: 'LayerNormalization',
  since: [17],
  summary: 'statistics over the last axes, whose inverse root is approximated on its calibrated range',
  category: 'activation',
  inputs: [2, 3],
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
    const [x, scale, bias = ''] = node.inputs as [string, string, string | undefined];
    const axes = Array.from({ length: rank - first }, (_, k) => first + k);
    const { value, mean, inverseDeviation } = normalise(node, x, axes, node.number('epsilon', 1e-5));
    const [output, meanOutput = '', deviationOutput = ''] = node.outputs;
    if (meanOutput !== '') node.precede('Identity', [mean], {}, meanOutput);
    if (deviationOutput !== '') node.precede('Identity', [inverseDeviation], {}, deviationOutput);
    node.outputs = [output!];
    if (bias === '') node.become('Mul', [value, scale]);
    else node.become('Add', [node.precede('Mul', [value, scale]), bias]);
  },
});
