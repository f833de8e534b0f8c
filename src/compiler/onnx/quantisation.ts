/** Scales and zero points of QuantizeLinear and DequantizeLinear, per tensor or per axis. */
import type { LegacyNode } from './legacy-node.ts';

/** Input `index` in a shape that broadcasts along the node's axis; null if it is absent. */
export function quantisationParameter(node: LegacyNode, index: 1 | 2): string | null {
  const name = node.inputs[index] ?? '';
  if (name === '') return null;
  if (node.number('block_size', 0) !== 0)
    node.refuse('quantisation by blocks is not supported', 'quantise per tensor or per axis');
  const shape = node.requireShape(index);
  const real = node.precede('Cast', [name], { to: 1 });
  const size = shape.reduce((product, dim) => product * dim, 1);
  if (size === 1) return node.precede('Reshape', [real, node.integers(`single${index}`, [])]);
  const { length: rank } = node.requireShape(0);
  const axis = node.number('axis', 1);
  const along = axis < 0 ? axis + rank : axis;
  const spread = Array.from({ length: rank }, (_, k) => (k === along ? size : 1));
  return node.precede('Reshape', [real, node.integers(`spread${index}`, spread)]);
}
