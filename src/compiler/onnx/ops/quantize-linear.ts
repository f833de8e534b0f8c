import { quantisationParameter } from '../quantisation.ts';
import { rewritten } from '../rewritten.ts';

export const quantizeLinear = rewritten({
  name: 'QuantizeLinear',
  since: [10, 13, 19, 21, 23, 24, 25],
  summary: 'x / scale + zero point: rounding and saturation are dropped on encrypted values',
  limits: 'not at an output of the model; no blocks',
  category: 'linear',
  inputs: [2, 3],
  attributes: {
    axis: { kind: 'int', default: 1 },
    block_size: { kind: 'int', default: 0 },
    output_dtype: { kind: 'int', default: 0 },
    precision: { kind: 'int', default: 0 },
    saturate: { kind: 'int', default: 1 },
  },
  rewrite: (node) => {
    const [x] = node.inputs as [string];
    const scale = quantisationParameter(node, 1);
    const zero = quantisationParameter(node, 2);
    const divided = node.precede('Div', [x, scale ?? node.inputs[1]!]);
    if (!node.isEncrypted(0) && !node.isEncrypted(1)) {
      const rounded = node.precede('Round', [divided]);
      return node.become(zero === null ? 'Identity' : 'Add', zero === null ? [rounded] : [rounded, zero]);
    }
    if (node.scope.isOutput(node.outputs[0]!)) {
      node.refuse(
        'rounding is a staircase of as many steps as there are integers, which no polynomial of a depth that can be had follows',
        'end the model before it, and quantise after decryption',
      );
    }
    node.scope.warn(
      'the model is quantised: it runs in real numbers, without rounding and saturating activations; its results are those of the model before quantisation',
    );
    node.become(zero === null ? 'Identity' : 'Add', zero === null ? [divided] : [divided, zero]);
  },
});
