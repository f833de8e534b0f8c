/** Describes And, Or and Xor: truth values are encrypted as 0 and 1, for which products and sums say the same. */
import { broadcastKeepsBatch, broadcastShape, combineConstants } from './kernels.ts';
import type { Operator } from './operator.ts';
import { specUrl } from './operator.ts';

/** @param product a ∘ b = sum · (a + b) + product · a · b for 0 and 1 */
export function logic(
  name: string,
  formula: string,
  { sum, product }: { readonly sum: 0 | 1; readonly product: 1 | -1 | -2 },
): Operator {
  const combine = (a: number, b: number): number => sum * (a + b) + product * a * b;
  const truth = (x: number): number => (x === 0 ? 0 : 1);
  return {
    name,
    specUrl: specUrl(name),
    since: [7],
    summary: `${formula}, of truth values that are encrypted as 0 and 1`,
    category: 'arithmetic',
    inputs: [2, 2],
    attributes: {},
    parameters: [],
    upgrade: (node) => {
      if (!node.isEncrypted(0) && !node.isEncrypted(1)) return;
      const [a, b] = node.inputs as [string, string];
      if (sum === 0) return node.become('Mul', [a, b]);
      const both = node.precede('Mul', [node.precede('Mul', [a, b]), node.scalar('product', product)]);
      node.become('Add', [node.precede('Add', [a, b]), both]);
    },
    inferShapes: (view) => [broadcastShape(view)],
    behaviour: () => ({ kind: 'constant' }),
    evaluate: (view) => combineConstants(view, (a, b) => combine(truth(a), truth(b)), 'bool'),
    keepsBatch: broadcastKeepsBatch,
  };
}
