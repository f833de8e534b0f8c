import { broadcastShape, broadcastTerm } from '../kernels.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { scale } from '../../linear/sparse-matrix.ts';
import { broadcastConstant, broadcastKeepsBatch } from '../kernels.ts';

export const where: Operator = {
  name: 'Where',
  specUrl: specUrl('Where'),
  since: [9, 16],
  summary: 'chooses between two tensors by a mask; an encrypted one of 0 and 1 by b + mask · (a − b)',
  category: 'linear',
  inputs: [3, 3],
  attributes: {},
  parameters: [0],
  upgrade: (node) => {
    if (!node.isEncrypted(0)) return;
    const [mask, yes, no] = node.inputs as [string, string, string];
    node.become('Add', [no, node.precede('Mul', [mask, node.precede('Sub', [yes, no])])]);
  },
  inferShapes: (view) => [broadcastShape(view)],
  behaviour: (view) => ({
    kind: 'linear',
    perElement: 2,
    linear: () => {
      const mask = broadcastConstant(view, 0).map((value) => (value === 0 ? 0 : 1));
      const [yes, no] = [broadcastTerm(view, 1, 1), broadcastTerm(view, 2, 1)];
      return {
        terms: [
          { input: 1, matrix: scale(yes.matrix, mask, null) },
          {
            input: 2,
            matrix: scale(
              no.matrix,
              mask.map((value) => 1 - value),
              null,
            ),
          },
        ],
        bias: null,
      };
    },
  }),
  keepsBatch: broadcastKeepsBatch,
};
