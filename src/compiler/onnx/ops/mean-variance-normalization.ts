import { normalise } from '../normalisation.ts';
import { rewritten } from '../rewritten.ts';

/** The specification adds it to the root; inside, it makes no difference to 1e-9. */
const EPSILON = 1e-9;

export const meanVarianceNormalization = rewritten({
  name: 'MeanVarianceNormalization',
  since: [9, 13],
  summary: '(x − mean) / deviation over given axes, the inverse root approximated on its calibrated range',
  category: 'activation',
  inputs: [1, 1],
  attributes: { axes: { kind: 'ints', default: [0, 2, 3] } },
  rewrite: (node) => {
    const axes = (node.attributes.get('axes') ?? [0, 2, 3]) as readonly number[];
    node.become('Identity', [normalise(node, node.inputs[0]!, axes, EPSILON).value]);
  },
});
