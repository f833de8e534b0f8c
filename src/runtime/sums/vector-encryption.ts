/** Vectors of 32-bit integers under somebody else's public key. Holds no secret key, and cannot make or load one. */
import { InternalError } from '../../errors.ts';
import { BfvPublicSide } from '../backends/bfv/public-side.ts';
import { SUM_ELEMENTS, sumParameters } from './sum-parameters.ts';

export class VectorEncryption implements Disposable {
  readonly #side: BfvPublicSide;

  private constructor(side: BfvPublicSide) {
    this.#side = side;
  }

  /** @throws ArtifactError KEY_INVALID */
  static async open(publicKey: Uint8Array): Promise<VectorEncryption> {
    return new VectorEncryption(await BfvPublicSide.create(sumParameters(), publicKey));
  }

  /** @param block 1 … `SUM_ELEMENTS` integers; zeros follow where it is shorter */
  encrypt(block: Int32Array): Uint8Array {
    if (block.length < 1 || block.length > SUM_ELEMENTS)
      throw new InternalError(`a block of ${block.length} elements`);
    return this.#side.encrypt(Float64Array.from(block), 0, 1);
  }

  [Symbol.dispose](): void {
    this.#side[Symbol.dispose]();
  }
}
