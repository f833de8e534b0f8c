/** Opens encrypted sums of vectors: the secret side of `runtime/sums`. What may be opened is for who holds it to decide. */
import { ArtifactError } from '../../errors.ts';
import { BfvSecretSide } from '../backends/bfv/secret-side.ts';
import { SUM_ELEMENTS, sumParameters } from '../sums/sum-parameters.ts';

export class SumDecryptor implements Disposable {
  readonly #side: BfvSecretSide;

  private constructor(side: BfvSecretSide) {
    this.#side = side;
  }

  /** @param secretKey null makes a new one */
  static async open(secretKey: Uint8Array | null): Promise<SumDecryptor> {
    return new SumDecryptor(await BfvSecretSide.create(sumParameters(), secretKey));
  }

  saveSecretKey(): Uint8Array {
    return this.#side.saveSecretKey();
  }

  makePublicKey(): Uint8Array {
    return this.#side.makePublicKey();
  }

  /**
   * @param length elements of the block, 1 … `SUM_ELEMENTS`
   * @throws ArtifactError CIPHERTEXT_INVALID, NOISE_OVERFLOW, OUTPUT_OUT_OF_RANGE where a sum left 32 bits
   */
  open(sum: Uint8Array, length: number): Int32Array {
    const values = this.#side.decryptIntegers(sum, 0, SUM_ELEMENTS).slice(0, length);
    return Int32Array.from(values, (value) => {
      if (value !== BigInt.asIntN(32, value))
        throw new ArtifactError('OUTPUT_OUT_OF_RANGE', 'a sum does not fit into 32 bits');
      return Number(value);
    });
  }

  [Symbol.dispose](): void {
    this.#side[Symbol.dispose]();
  }
}
