/** The secret side of the native engine: makes keys, encrypts, decrypts. Only `runtime/client` may import it. */
import { InternalError } from '../../../errors.ts';
import { outputOutOfRange } from '../../../program/certified-range.ts';
import type { CkksParameters } from '../../../program/security.ts';
import { checkParameters, requireEncryption } from '../../../program/security.ts';
import { callNative } from './call-native.ts';
import { CONJUGATION } from './engine-addon.ts';
import { forcedPath, loadAddon } from './load-addon.ts';

/** What he_secret.node offers. It wipes the key when disposed, or when its object is collected. */
interface NativeSecret {
  saveSecretKey(): Uint8Array<ArrayBuffer>;
  makePublicKey(): Uint8Array<ArrayBuffer>;
  makeRotationKey(step: number, level: number): Uint8Array<ArrayBuffer>;
  makeRelinearizationKey(level: number): Uint8Array<ArrayBuffer>;
  makeRaiseKeys(level: number, weight: number): [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>];
  encrypt(slots: Float64Array, level: number, scale: number): Uint8Array<ArrayBuffer>;
  /** Null where the imaginary parts exceed the limit. */
  decrypt(bytes: Uint8Array, level: number, scale: number, noiseLimit: number): Float64Array | null;
  dispose(): void;
}

interface SecretAddon {
  readonly SecretSide: new (
    degree: number,
    dataPrimes: BigUint64Array,
    specialPrimes: BigUint64Array,
    digits: number,
    path: string,
    memoryBytes: number,
    threads: number,
    cancel: Int32Array | null,
    heartbeat: Int32Array | null,
    secretKey: Uint8Array | null,
  ) => NativeSecret;
}

export interface NativeSecretOptions {
  readonly threads?: number;
  /** Shared word: not 0 stops the making of keys. */
  readonly cancellation?: Int32Array;
  /** Shared word that counts up while keys are made. */
  readonly heartbeat?: Int32Array;
}

/** The secret key, one digit of a key at a time and scratch: at N = 131072 with 64 primes some 500 MB. */
const MEMORY_BYTES = 2 ** 30;

export class NativeSecretSide implements Disposable {
  readonly #secret: NativeSecret;
  readonly #ephemeralWeight: number | null;

  /**
   * With a new secret key, or one that was saved, by this class or by node-seal.
   * @throws BackendError BACKEND_UNAVAILABLE, ArtifactError KEY_INVALID
   */
  static create(
    parameters: CkksParameters,
    secretKey: Uint8Array | null,
    options: NativeSecretOptions = {},
  ): NativeSecretSide {
    // Parameters may have come from another thread or file, where the type proves nothing.
    const checked = checkParameters(parameters);
    requireEncryption(checked);
    return new NativeSecretSide(checked, secretKey, options);
  }

  private constructor(
    parameters: CkksParameters,
    secretKey: Uint8Array | null,
    { threads, cancellation, heartbeat }: NativeSecretOptions,
  ) {
    this.#ephemeralWeight = parameters.refresh?.ephemeralWeight ?? null;
    const { SecretSide } = loadAddon('he_secret') as SecretAddon;
    this.#secret = callNative('the secret key', () => {
      return new SecretSide(
        parameters.polyModulusDegree,
        BigUint64Array.from(parameters.dataPrimes),
        BigUint64Array.from(parameters.specialPrimes),
        parameters.dnum,
        forcedPath(),
        MEMORY_BYTES,
        threads ?? 1,
        cancellation ?? null,
        heartbeat ?? null,
        secretKey,
      );
    });
  }

  saveSecretKey(): Uint8Array {
    return callNative('saving the secret key', () => this.#secret.saveSecretKey());
  }

  /** Seeded, so half the size; another one at each call. */
  makePublicKey(): Uint8Array {
    return callNative('making a public key', () => this.#secret.makePublicKey());
  }

  /** For use at `level` and below, seeded. `step` in 1 … N/2 − 1, to the left. */
  makeRotationKey(step: number, level: number): Uint8Array {
    return callNative('making a rotation key', () => this.#secret.makeRotationKey(step, level));
  }

  /** For use at `level` and below, seeded. */
  makeRelinearizationKey(level: number): Uint8Array {
    return callNative('making the relinearization key', () => this.#secret.makeRelinearizationKey(level));
  }

  /** For use at `level` and below, seeded. */
  makeConjugationKey(level: number): Uint8Array {
    return callNative('making the conjugation key', () => this.#secret.makeRotationKey(CONJUGATION, level));
  }

  /** To an ephemeral secret of the weight that the parameters are certified for, which is forgotten, and back at `level`. */
  makeRaiseKeys(level: number): { readonly encapsulation: Uint8Array; readonly decapsulation: Uint8Array } {
    const weight = this.#ephemeralWeight;
    if (weight === null) throw new InternalError('keys of refreshes under parameters that have none');
    const [encapsulation, decapsulation] = callNative('making the keys that raise the modulus', () =>
      this.#secret.makeRaiseKeys(level, weight),
    );
    return { encapsulation, decapsulation };
  }

  /** A seeded symmetric ciphertext of N/2 slots at `level` and `scale`. */
  encrypt(slots: Float64Array, level: number, scale: number): Uint8Array {
    return callNative('encryption', () => this.#secret.encrypt(slots, level, scale));
  }

  /**
   * @param noiseLimit largest root mean square of the slots' imaginary parts, which hold noise only
   * @throws ArtifactError CIPHERTEXT_INVALID or OUTPUT_OUT_OF_RANGE
   */
  decrypt(bytes: Uint8Array, level: number, scale: number, noiseLimit = Number.MAX_VALUE): Float64Array {
    const slots = callNative('the ciphertext', () => this.#secret.decrypt(bytes, level, scale, noiseLimit));
    if (slots === null) throw outputOutOfRange('the ciphertext');
    return slots;
  }

  [Symbol.dispose](): void {
    this.#secret.dispose();
  }
}
