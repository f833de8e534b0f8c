import type { LegacyNode } from '../legacy-node.ts';
import type { Reduced } from '../function-reduction.ts';
import { asRows, functionReduction } from '../function-reduction.ts';

/**
 * Up to so many entries are joined pair by pair, ln(e^a + e^b) = b + softplus(a − b): no exponential leaves the range of its
 * inputs. For more, the levels of the rounds exceed those of e^x and ln x.
 */
const MAX_PAIRWISE = 4;

function joinPairwise(node: LegacyNode, reduced: Reduced): void {
  const { rows, width } = asRows(node, reduced);
  let parts = Array.from({ length: width }, (_, k) =>
    node.precede('Slice', [
      rows,
      node.integers('start', [k]),
      node.integers('end', [k + 1]),
      node.integers('axis', [1]),
    ]),
  );
  while (parts.length > 1) {
    const joined = [];
    for (let i = 0; i + 1 < parts.length; i += 2) {
      const [a, b] = [parts[i]!, parts[i + 1]!];
      joined.push(node.precede('Add', [b, node.precede('Softplus', [node.precede('Sub', [a, b])])]));
    }
    if (parts.length % 2 === 1) joined.push(parts.at(-1)!);
    parts = joined;
  }
  node.become('Reshape', [parts[0]!, node.integers('shape', reduced.shape)]);
}

export const reduceLogSumExp = functionReduction({
  name: 'ReduceLogSumExp',
  since: [1, 11, 13, 18],
  axesAsInput: 18,
  summary: 'ln Σ e^x',
  category: 'activation',
  rewrite: (node, reduced) => {
    const full = node.requireShape(0);
    const width = reduced.axes.reduce((product, axis) => product * full[axis]!, 1);
    if (width > 1 && width <= MAX_PAIRWISE) joinPairwise(node, reduced);
    else node.become('Log', [reduced.sum(node.precede('Exp', [reduced.x]))]);
  },
});
