/** Describes Max and Min: with a single constant bound they are activations. */
import { broadcastShape, combineConstants } from './kernels.ts';
import type { NodeView } from './node-view.ts';
import type { Operator } from './operator.ts';
import { specUrl } from './operator.ts';
import { sameShape } from './shapes.ts';

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
    summary: `element-wise ${name.toLowerCase()}imum with constants`,
    limits: 'one encrypted tensor, single constants',
    category: 'activation',
    inputs: [1, Infinity],
    attributes: {},
    parameters: [],
    upgrade: (node) => {
      // What is encrypted comes first, as in every activation.
      const known = (name: string): number => (node.scope.constant(name) === null ? 0 : 1);
      node.inputs.sort((a, b) => known(a) - known(b));
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
