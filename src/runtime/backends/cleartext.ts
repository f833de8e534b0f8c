/**
 * Evaluates programs without any encryption, to verify them: "ciphertexts" are the float64 slots themselves. Levels and
 * scales are checked as under encryption.
 */
import { ArtifactError } from '../../errors.ts';
import type { CleartextCiphertext, CleartextPlaintext } from '../../program/semantics/cleartext-algebra.ts';
import { CleartextAlgebra } from '../../program/semantics/cleartext-algebra.ts';
import { AlgebraBackend } from './algebra-backend.ts';

export class CleartextBackend extends AlgebraBackend<CleartextCiphertext, CleartextPlaintext> {
  override readonly name = 'cleartext';
  protected override readonly algebra: CleartextAlgebra;

  constructor(slotCount: number, primes: readonly number[], checkpoint?: () => void) {
    super();
    this.algebra = new CleartextAlgebra(slotCount, primes, checkpoint);
  }

  override loadRotationKey(): void {
    // There are no keys.
  }

  override loadRelinearizationKey(): void {
    // There are no keys.
  }

  override loadRefreshKeys(): void {
    // There are no keys.
  }

  override load(bytes: Uint8Array, level: number, scale: number): CleartextCiphertext {
    const slots = slotsFromBytes(bytes);
    if (slots.length !== this.algebra.slotCount) {
      throw new ArtifactError(
        'CIPHERTEXT_INVALID',
        `expected ${this.algebra.slotCount} slots, found ${slots.length}`,
      );
    }
    return { level, scale, degree: 1, slots };
  }

  override store(ciphertext: CleartextCiphertext): Uint8Array {
    return slotsToBytes(ciphertext.slots);
  }

  override memoryBytes(): number {
    return 0;
  }

  override [Symbol.dispose](): void {
    // Nothing is held.
  }
}

/** Little-endian float64. */
export function slotsToBytes(slots: Float64Array): Uint8Array {
  const bytes = new Uint8Array(slots.length * 8);
  const view = new DataView(bytes.buffer);
  slots.forEach((value, i) => view.setFloat64(i * 8, value, true));
  return bytes;
}

export function slotsFromBytes(bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: Math.floor(bytes.byteLength / 8) }, (_, i) =>
    view.getFloat64(i * 8, true),
  );
}
