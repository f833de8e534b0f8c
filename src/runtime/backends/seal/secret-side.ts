/** The secret side of node-seal: makes keys, encrypts, decrypts. Only `runtime/client` may import it. */
import type { Ciphertext, Decryptor, Encryptor, KeyGenerator, Plaintext, SecretKey } from 'node-seal';
import { outputOutOfRange } from '../../../program/certified-range.ts';
import type { CkksParameters } from '../../../program/security.ts';
import { SealContext } from './context.ts';
import { encryptSlots } from './encrypt-slots.ts';
import { timesImaginaryUnit } from './imaginary-parts.ts';
import { callSeal } from './module.ts';
import { save, saveAndFree } from './save.ts';

export class SealSecretSide implements Disposable {
  readonly #context: SealContext;
  readonly #secretKey: SecretKey;
  readonly #generator: KeyGenerator;
  readonly #encryptor: Encryptor;
  readonly #decryptor: Decryptor;

  /** With a new secret key, or one that was saved. */
  static async create(parameters: CkksParameters, secretKey: Uint8Array | null): Promise<SealSecretSide> {
    const context = await SealContext.create(parameters);
    try {
      return new SealSecretSide(context, secretKey);
    } catch (error) {
      context[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(context: SealContext, saved: Uint8Array | null) {
    this.#context = context;
    const { seal, native, loader, handles } = context;
    if (saved === null) {
      this.#generator = handles.own(new seal.KeyGenerator(native));
      this.#secretKey = handles.own(this.#generator.secretKey());
    } else {
      const secretKey = handles.own(new seal.SecretKey());
      loader.secretKey(secretKey, saved);
      this.#secretKey = secretKey;
      this.#generator = handles.own(new seal.KeyGenerator(native, secretKey));
    }
    // The binding has no constructor for symmetric encryption alone, so it gets a public key that it does not use.
    const publicKey = handles.own(new seal.PublicKey());
    loader.publicKey(publicKey, this.makePublicKey());
    this.#encryptor = handles.own(new seal.Encryptor(native, publicKey, this.#secretKey));
    this.#decryptor = handles.own(new seal.Decryptor(native, this.#secretKey));
  }

  get liveHandles(): number {
    return this.#context.handles.live;
  }

  saveSecretKey(): Uint8Array {
    return save(this.#context, 'saving the secret key', this.#secretKey);
  }

  /** Seeded, so half the size; another one at each call. */
  makePublicKey(): Uint8Array {
    const key = callSeal('making a public key', () =>
      this.#context.handles.own(this.#generator.createPublicKeySerializable()),
    );
    return saveAndFree(this.#context, 'saving the public key', key);
  }

  /** Seeded, so half the size; one step at a time, because several at once cost twice the heap. */
  makeGaloisKey(step: number): Uint8Array {
    const keys = callSeal('making a Galois key', () =>
      this.#context.handles.own(this.#generator.createGaloisKeysSerializableWithSteps(Int32Array.of(step))),
    );
    return saveAndFree(this.#context, 'saving a Galois key', keys);
  }

  makeRelinearizationKey(): Uint8Array {
    const keys = callSeal('making the relinearization key', () =>
      this.#context.handles.own(this.#generator.createRelinKeysSerializable()),
    );
    return saveAndFree(this.#context, 'saving the relinearization key', keys);
  }

  /** A seeded symmetric ciphertext of N/2 slots at `level` and `scale`. */
  encrypt(slots: Float64Array, level: number, scale: number): Uint8Array {
    return encryptSlots(this.#context, slots, level, scale, (plain) =>
      this.#encryptor.encryptSymmetricSerializable(plain),
    );
  }

  /**
   * @param noiseLimit largest root mean square of the slots' imaginary parts, which hold noise only
   * @throws ArtifactError CIPHERTEXT_INVALID or OUTPUT_OUT_OF_RANGE
   */
  decrypt(bytes: Uint8Array, level: number, scale: number, noiseLimit = Infinity): Float64Array {
    const { seal, loader, handles } = this.#context;
    const ciphertext: Ciphertext = handles.own(new seal.Ciphertext());
    const plain = handles.own(new seal.Plaintext());
    try {
      loader.ciphertext(ciphertext, bytes, level, scale);
      ciphertext.setScale(scale);
      callSeal('decryption', () => this.#decryptor.decrypt(ciphertext, plain));
      const slots = this.#context.decode(plain);
      if (noiseLimit !== Infinity && !(this.#imaginaryDeviation(plain, level) <= noiseLimit)) {
        throw outputOutOfRange('the ciphertext');
      }
      return slots;
    } finally {
      handles.free(plain);
      handles.free(ciphertext);
    }
  }

  /** Root mean square of the slots' imaginary parts; `plain` is changed. */
  #imaginaryDeviation(plain: Plaintext, level: number): number {
    const { loader, parameters } = this.#context;
    const bytes = save(this.#context, 'reading a plaintext', plain);
    const primes = parameters.dataPrimes.slice(0, level + 1);
    const turned = timesImaginaryUnit(bytes, parameters.polyModulusDegree, primes);
    loader.plaintext(plain, turned, level, plain.scale());
    const parts = this.#context.decode(plain);
    return Math.sqrt(parts.reduce((sum, part) => sum + part * part, 0) / parts.length);
  }

  [Symbol.dispose](): void {
    this.#context[Symbol.dispose]();
  }
}
