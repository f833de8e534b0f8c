/** Reasons for refusal that several operators share. */
import type { NodeView } from './node-view.ts';
import type { Refusal } from './operator.ts';

/** The operator is only evaluated at compile time. */
export function constantOnly(view: NodeView): Refusal[] {
  if (view.encryptedInputs().length === 0) return [];
  return [
    {
      reason:
        'of encrypted values it is a staircase, which no polynomial of a depth that can be had follows; it is computed on values known at compile time only',
      suggestion: 'export with constant folding and static shapes, or do it after decryption',
    },
  ];
}
