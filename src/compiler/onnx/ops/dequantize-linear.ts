import { quantisationParameter } from '../quantisation.ts';
import { rewritten } from '../rewritten.ts';

export const dequantizeLinear = rewritten({
  name: 'DequantizeLinear',
  since: [10, 13, 19, 21, 23, 24, 25],
  summary: '(x − zero point) · scale',
  limits: 'no blocks',
  category: 'linear',
  inputs: [2, 3],
  attributes: {
    axis: { kind: 'int', default: 1 },
    block_size: { kind: 'int', default: 0 },
    output_dtype: { kind: 'int', default: 0 },
  },
  rewrite: (node) => {
    const [x] = node.inputs as [string];
    const scale = quantisationParameter(node, 1) ?? node.inputs[1]!;
    const zero = quantisationParameter(node, 2);
    const real = node.precede('Cast', [x], { to: 1 });
    node.become('Mul', [zero === null ? real : node.precede('Sub', [real, zero]), scale]);
  },
});
