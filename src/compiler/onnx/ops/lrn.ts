import { rewritten } from '../rewritten.ts';

export const lrn = rewritten({
  name: 'LRN',
  since: [1, 13],
  summary: 'x · (bias + alpha/size · Σ x²)^(−beta) over neighbouring channels, the power approximated',
  category: 'activation',
  inputs: [1, 1],
  attributes: {
    alpha: { kind: 'float', default: 1e-4 },
    beta: { kind: 'float', default: 0.75 },
    bias: { kind: 'float', default: 1 },
    size: { kind: 'int', required: true },
  },
  rewrite: (node) => {
    const shape = node.requireShape(0);
    const channels = shape[1] ?? 1;
    const size = node.number('size', 0);
    if (shape.length < 3 || !(size >= 1))
      node.fail('it needs a positive size and an input with spatial axes');
    const [x] = node.inputs as [string];
    const weight = node.number('alpha', 1e-4) / size;
    const before = Math.floor((size - 1) / 2);
    // The window of channel c begins at c − ⌊(size − 1)/2⌋: a banded matrix, as a convolution over single pixels.
    const band = Float64Array.from({ length: channels * channels }, (_, entry) => {
      const offset = (entry % channels) - Math.floor(entry / channels) + before;
      return offset >= 0 && offset < size ? weight : 0;
    });
    const ones = shape.slice(2).map(() => 1);
    const kernel = node.scope.addConstant(`${node.name}_band`, {
      shape: [channels, channels, ...ones],
      type: 'float',
      data: band,
    });
    const bias = node.scope.addConstant(`${node.name}_bias`, {
      shape: [channels],
      type: 'float',
      data: new Float64Array(channels).fill(node.number('bias', 1)),
    });
    const sum = node.precede('Conv', [node.precede('Mul', [x, x]), kernel, bias]);
    const power = node.precede('Pow', [sum, node.scalar('exponent', -node.number('beta', 0.75))]);
    node.become('Mul', [x, power]);
  },
});
