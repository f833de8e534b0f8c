/** What a refresh means, whatever it is made of: a primitive operation of the algebras that have it. */
import { InternalError } from '../../errors.ts';
import type { RefreshInstruction } from '../program.ts';
import type { SlotAlgebra } from './slot-algebra.ts';
import { CiphertextScope, LoweredCiphertexts } from './slot-algebra.ts';

/** What a refresh makes of a value. */
export function refreshed(z: number, ratio: number): number {
  return Math.sin((2 * Math.PI * z) / ratio);
}

/**
 * One ciphertext, owned by the caller.
 * @param output level and scale of the result, which follow from the chain: see `refresh-plan.ts`
 */
export function evaluateRefresh<C, P>(
  algebra: SlotAlgebra<C, P>,
  { level, ratio }: Pick<RefreshInstruction, 'level' | 'ratio'>,
  input: C,
  output: { readonly level: number; readonly scale: number },
): C {
  if (algebra.refresh === undefined) throw new InternalError('a refresh where there is none');
  using scope = new CiphertextScope<C>(algebra);
  const lowered = new LoweredCiphertexts(algebra, scope).at(input, level);
  return algebra.refresh(lowered, ratio, output.level, output.scale);
}
