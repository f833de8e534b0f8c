/** Public-key encryption under BFV. It holds no secret key, and cannot make or load one. */
import type { CkksParameters } from '../../../program/security.ts';
import { BfvContext } from './context.ts';
import type { PartEncryptor } from './encrypt-integers.ts';
import { encryptIntegers } from './encrypt-integers.ts';
import { splitParts } from './parts.ts';

export class BfvPublicSide implements Disposable {
  readonly #context: BfvContext;
  readonly #encryptors: readonly PartEncryptor[];

  /** @throws ArtifactError KEY_INVALID */
  static async create(parameters: CkksParameters, publicKey: Uint8Array): Promise<BfvPublicSide> {
    const context = await BfvContext.create(parameters);
    try {
      return new BfvPublicSide(context, publicKey);
    } catch (error) {
      context[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(context: BfvContext, saved: Uint8Array) {
    this.#context = context;
    const { seal, handles, residues } = context;
    const parts = splitParts(saved, residues.length, 'KEY_INVALID');
    this.#encryptors = residues.map(({ native, loader }, r) => {
      const publicKey = handles.own(new seal.PublicKey());
      loader.publicKey(publicKey, parts[r]!);
      const encryptor = handles.own(new seal.Encryptor(native, publicKey));
      return {
        compact: (plain) => encryptor.encryptSerializable(plain),
        full: (plain, result) => encryptor.encrypt(plain, result),
      };
    });
  }

  get liveHandles(): number {
    return this.#context.handles.live;
  }

  /** A ciphertext of N/2 integers at `level`. */
  encrypt(slots: Float64Array, level: number, scale: number): Uint8Array {
    return encryptIntegers(this.#context, slots, level, scale, this.#encryptors);
  }

  [Symbol.dispose](): void {
    this.#context[Symbol.dispose]();
  }
}
