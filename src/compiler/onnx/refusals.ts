/** Reasons for refusal that several operators share. */
import type { NodeView } from './node-view.ts';
import type { Refusal } from './operator.ts';

/** The operator is only evaluated at compile time. */
export function constantOnly(view: NodeView): Refusal[] {
  if (view.encryptedInputs().length === 0) return [];
  return [
    {
      reason: 'it is supported on values known at compile time only',
      suggestion: 'export with constant folding and static shapes, or remove it from the encrypted part',
    },
  ];
}

/** At most one operand may be encrypted. */
export function oneEncrypted(view: NodeView, indices: readonly number[], what: string): Refusal[] {
  if (indices.filter((index) => view.isEncrypted(index)).length < 2) return [];
  return [
    {
      reason: `${what} of two encrypted tensors is not supported`,
      suggestion: 'make one operand a constant (a trained weight), or bind an input with --bind NAME=FILE',
    },
  ];
}
