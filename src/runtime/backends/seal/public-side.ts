/** Public-key encryption with node-seal. It holds no secret key, and cannot make or load one. */
import type { Encryptor } from 'node-seal';
import type { CkksParameters } from '../../../program/security.ts';
import { SealContext } from './context.ts';
import { encryptSlots } from './encrypt-slots.ts';

export class SealPublicSide implements Disposable {
  readonly #context: SealContext;
  readonly #encryptor: Encryptor;

  /** @throws ArtifactError KEY_INVALID */
  static async create(parameters: CkksParameters, publicKey: Uint8Array): Promise<SealPublicSide> {
    const context = await SealContext.create(parameters);
    try {
      return new SealPublicSide(context, publicKey);
    } catch (error) {
      context[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(context: SealContext, saved: Uint8Array) {
    this.#context = context;
    const { seal, native, loader, handles } = context;
    const publicKey = handles.own(new seal.PublicKey());
    loader.publicKey(publicKey, saved);
    this.#encryptor = handles.own(new seal.Encryptor(native, publicKey));
  }

  get liveHandles(): number {
    return this.#context.handles.live;
  }

  /** A ciphertext of N/2 slots at `level` and `scale`. */
  encrypt(slots: Float64Array, level: number, scale: number): Uint8Array {
    return encryptSlots(this.#context, slots, level, scale, (plain) =>
      this.#encryptor.encryptSerializable(plain),
    );
  }

  [Symbol.dispose](): void {
    this.#context[Symbol.dispose]();
  }
}
