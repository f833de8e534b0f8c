/** What a product instruction means: x ⊙ z, relinearized and rescaled. */
import type { ProductInstruction } from '../program.ts';
import type { SlotAlgebra } from './slot-algebra.ts';
import { CiphertextScope, LoweredCiphertexts } from './slot-algebra.ts';

/** Scale of the result: the natural one. */
export function productOutputScale(leftScale: number, rightScale: number, prime: number): number {
  return (leftScale * rightScale) / prime;
}

/** One ciphertext of the product; the result is at level − 1 and owned by the caller. */
export function evaluateProduct<C, P>(
  algebra: SlotAlgebra<C, P>,
  instruction: Pick<ProductInstruction, 'level'>,
  left: C,
  right: C,
): C {
  using scope = new CiphertextScope<C>(algebra);
  const lowered = new LoweredCiphertexts(algebra, scope);
  const { level } = instruction;
  const [a, b] = [lowered.at(left, level), lowered.at(right, level)];
  const product = scope.own(algebra.multiply(a, b, algebra.scaleOf(a) * algebra.scaleOf(b)));
  algebra.relinearizeInPlace(product);
  algebra.rescaleInPlace(
    product,
    productOutputScale(algebra.scaleOf(a), algebra.scaleOf(b), algebra.primeAt(level)),
  );
  return scope.handOver(product);
}
