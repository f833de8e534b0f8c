import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import {
  broadcastConstant,
  broadcastKeepsBatch,
  broadcastShape,
  combineConstants,
  weightedTerm,
} from '../kernels.ts';

export const mul: Operator = {
  name: 'Mul',
  specUrl: specUrl('Mul'),
  since: [7, 13, 14],
  summary:
    'a · b with broadcasting; by a constant it is linear, x · x a polynomial, else a product of ciphertexts',
  category: 'arithmetic',
  inputs: [2, 2],
  attributes: {},
  parameters: [],
  inferShapes: (view) => [broadcastShape(view)],
  behaviour: (view) => {
    if (view.isEncrypted(0) && view.isEncrypted(1)) return { kind: 'product' };
    const encrypted = view.isEncrypted(0) ? 0 : 1;
    return {
      kind: 'linear',
      linear: () => weightedTerm(view, encrypted, broadcastConstant(view, 1 - encrypted)),
    };
  },
  evaluate: (view) => combineConstants(view, (a, b) => a * b),
  keepsBatch: broadcastKeepsBatch,
};
