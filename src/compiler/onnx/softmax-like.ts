/** Softmax, LogSoftmax and Hardmax: what each makes of the entries along an axis is all they differ in. */
import type { ClientOptions } from './client-operator.ts';
import { clientOperator } from './client-operator.ts';
import type { LegacyNode } from './legacy-node.ts';
import type { Operator } from './operator.ts';

export function softmaxLike({ name, summary }: Pick<ClientOptions, 'name' | 'summary'>): Operator {
  return clientOperator({
    name,
    since: [1, 11, 13],
    summary,
    attributes: { axis: { kind: 'int', default: -1 } },
    upgrade: upgradeSoftmax,
    inferShapes: (view) => [view.shape(0)],
  });
}

/**
 * Before version 13, Softmax, LogSoftmax and Hardmax flattened all axes from `axis` (default 1) on into one. That is the newest
 * form if only one of those axes is longer than one.
 */
function upgradeSoftmax(node: LegacyNode): void {
  if (node.opset >= 13) return;
  const axis = node.take('axis') ?? 1;
  const shape = node.scope.shape(node.inputs[0] ?? '');
  if (shape === null || typeof axis !== 'number') return;
  const first = axis < 0 ? axis + shape.length : axis;
  const long = shape.flatMap((dim, i) => (i >= first && dim !== 1 ? [i] : []));
  if (long.length > 1) {
    node.fail(`version ${node.opset} takes together axes ${long.join(', ')}; export with opset 13 or newer`);
  }
  node.attributes.set('axis', long[0] ?? Math.min(first, shape.length - 1));
}
