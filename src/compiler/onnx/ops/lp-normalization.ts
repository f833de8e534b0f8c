import { rewritten } from '../rewritten.ts';

export const lpNormalization = rewritten({
  name: 'LpNormalization',
  since: [1, 22],
  summary: 'x divided by its L1 or L2 norm along an axis, the inverse approximated on its calibrated range',
  category: 'activation',
  inputs: [1, 1],
  attributes: { axis: { kind: 'int', default: -1 }, p: { kind: 'int', default: 2, values: [1, 2] } },
  rewrite: (node) => {
    const [x] = node.inputs as [string];
    const axes = node.integers('axis', [node.number('axis', -1)]);
    const first = node.number('p', 2) === 1;
    const parts = first ? node.precede('Abs', [x]) : node.precede('Mul', [x, x]);
    const sum = node.precede('ReduceSum', [parts, axes], { keepdims: 1 });
    node.become('Mul', [x, node.precede('Pow', [sum, node.scalar('exponent', first ? -1 : -0.5)])]);
  },
});
