/** Describes Max and Min: with a single constant bound they are activations. */
import { broadcastShape, combineConstants } from './kernels.ts';
import type { LegacyNode } from './legacy-node.ts';
import type { NodeView } from './node-view.ts';
import type { Operator } from './operator.ts';
import { specUrl } from './operator.ts';
import { sameShape } from './shapes.ts';

/** Tensors against tensors: a tree of (a + b)/2 ± |a − b|/2. Single bounds on one tensor are left as they are. */
function takePairs(node: LegacyNode, name: 'Max' | 'Min'): void {
  const encrypted = node.inputs.filter((_, index) => node.isEncrypted(index)).length;
  const single = node.inputs.every(
    (_, index) => node.isEncrypted(index) || node.constant(index)?.data.length === 1,
  );
  if (encrypted === 0 || (encrypted === 1 && single && !widens(node))) return;
  let tensors = [...node.inputs];
  while (tensors.length > 1) {
    const winners = [];
    for (let i = 0; i + 1 < tensors.length; i += 2) {
      const [a, b] = [tensors[i]!, tensors[i + 1]!];
      const distance = node.precede('Abs', [node.precede('Sub', [a, b])]);
      const half = node.precede('Mul', [distance, node.scalar('half', name === 'Max' ? 0.5 : -0.5)]);
      winners.push(node.precede('Add', [node.precede('Mean', [a, b]), half]));
    }
    if (tensors.length % 2 === 1) winners.push(tensors.at(-1)!);
    tensors = winners;
  }
  node.become('Identity', tensors);
}

/** Whether a constant has more dimensions than the encrypted tensor. */
function widens(node: LegacyNode): boolean {
  const ranks = node.inputs.map((_, index) => node.shape(index)?.length ?? 0);
  return Math.max(...ranks) > ranks[0]!;
}

export function extremum(name: 'Max' | 'Min', pick: (a: number, b: number) => number): Operator {
  const bounds = (view: NodeView): number[] => {
    const constants = view.node.inputs.flatMap((_, index) => {
      const constant = view.constant(index);
      return constant === null ? [] : [constant];
    });
    return constants.map((constant) => (constant.data.length === 1 ? constant.data[0]! : NaN));
  };
  return {
    name,
    specUrl: specUrl(name),
    since: [6, 8, 12, 13],
    summary: `element-wise ${name.toLowerCase()}imum of any tensors, (a + b ± |a − b|) / 2; a bound on one tensor is an activation`,
    category: 'activation',
    inputs: [1, Infinity],
    attributes: {},
    parameters: [],
    upgrade: (node) => {
      // What is encrypted comes first, as in every activation.
      const known = (name: string): number => (node.scope.constant(name) === null ? 0 : 1);
      node.inputs.sort((a, b) => known(a) - known(b));
      takePairs(node, name);
    },
    inferShapes: (view) => [broadcastShape(view)],
    check: (view) => {
      const encrypted = view.encryptedInputs();
      if (encrypted.length === 0) return [];
      const fits =
        encrypted.length === 1 &&
        !bounds(view).some(Number.isNaN) &&
        sameShape(view.shape(encrypted[0]!), broadcastShape(view));
      if (fits) return [];
      return [
        {
          reason: 'only one encrypted tensor against single constants is supported',
          suggestion: 'use Relu or Clip, or MaxPool within one tensor',
        },
      ];
    },
    behaviour: (view) => {
      const bound = bounds(view).reduce(pick, name === 'Max' ? -Infinity : Infinity);
      return { kind: 'activation', scalar: { evaluate: (x) => pick(x, bound) } };
    },
    evaluate: (view) => combineConstants(view, pick),
  };
}
