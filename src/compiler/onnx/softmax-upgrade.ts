/**
 * Before version 13, Softmax, LogSoftmax and Hardmax flattened all axes from `axis` (default 1) on into one. That is the newest
 * form if only one of those axes is longer than one.
 */
import type { LegacyNode } from './legacy-node.ts';

export function upgradeSoftmax(node: LegacyNode): void {
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
