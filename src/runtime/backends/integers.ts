/** Evaluates integer programs without any encryption, exactly: the reference for BFV. "Ciphertexts" are the integers themselves. */
import { ArtifactError } from '../../errors.ts';
import type { IntegerCiphertext, IntegerPlaintext } from '../../program/semantics/integer-algebra.ts';
import { IntegerAlgebra, centred } from '../../program/semantics/integer-algebra.ts';
import { AlgebraBackend } from './algebra-backend.ts';

/** Two's complement, little-endian; plain moduli multiply to less than 2^(8·16 − 1) or the program is refused. */
const BYTES = 16;
const MAX_MODULUS = 1n << BigInt(8 * BYTES - 1);

export class IntegerBackend extends AlgebraBackend<IntegerCiphertext, IntegerPlaintext> {
  override readonly name = 'cleartext';
  protected override readonly algebra: IntegerAlgebra;
  readonly #modulus: bigint;

  constructor(slotCount: number, levels: number, modulus: bigint, checkpoint?: () => void) {
    super();
    if (modulus >= MAX_MODULUS) {
      throw new ArtifactError('PARAMETERS_UNSUPPORTED', 'integers of more than 127 bits cannot be stored');
    }
    this.#modulus = modulus;
    this.algebra = new IntegerAlgebra(slotCount, levels, modulus, checkpoint);
  }

  override loadRotationKey(): void {
    // There are no keys.
  }

  override loadRelinearizationKey(): void {
    // There are no keys.
  }

  override load(bytes: Uint8Array, level: number, scale: number): IntegerCiphertext {
    const slots = integersFromBytes(bytes);
    if (slots.length !== this.algebra.slotCount) {
      throw new ArtifactError(
        'CIPHERTEXT_INVALID',
        `expected ${this.algebra.slotCount} slots, found ${slots.length}`,
      );
    }
    return { level, scale, degree: 1, slots };
  }

  override store(ciphertext: IntegerCiphertext): Uint8Array {
    return integersToBytes(ciphertext.slots.map((value) => centred(value, this.#modulus)));
  }

  override memoryBytes(): number {
    return 0;
  }

  override [Symbol.dispose](): void {
    // Nothing is held.
  }
}

export function integersToBytes(slots: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(slots.length * BYTES);
  const view = new DataView(bytes.buffer);
  slots.forEach((value, i) => {
    view.setBigUint64(i * BYTES, BigInt.asUintN(64, value), true);
    view.setBigInt64(i * BYTES + 8, value >> 64n, true);
  });
  return bytes;
}

export function integersFromBytes(bytes: Uint8Array): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from(
    { length: Math.floor(bytes.byteLength / BYTES) },
    (_, i) => (view.getBigInt64(i * BYTES + 8, true) << 64n) + view.getBigUint64(i * BYTES, true),
  );
}
