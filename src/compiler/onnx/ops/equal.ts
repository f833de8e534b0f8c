import { comparison } from '../comparison.ts';

export const equal = comparison({
  name: 'Equal',
  since: [7, 11, 13, 19],
  summary: '1 where a = b, else 0: 1 − sign(a − b)²',
  limits: 'near ties: between 0 and 1',
  compare: (a, b) => a === b,
  fromSign: (node, sign) => {
    node.become('Sub', [node.scalar('one', 1), node.precede('Mul', [sign, sign])]);
  },
});
