/** Public-key encryption with the native engine. It holds no secret key, and cannot make or load one. */
import type { CkksParameters } from '../../../program/security.ts';
import { checkParameters, requireEncryption } from '../../../program/security.ts';
import { callNative } from './call-native.ts';
import { forcedPath, loadAddon } from './load-addon.ts';

interface NativeEncryptor {
  encrypt(slots: Float64Array, level: number, scale: number): Uint8Array<ArrayBuffer>;
  dispose(): void;
}

interface EncryptionAddon {
  readonly PublicEncryptor: new (
    degree: number,
    dataPrimes: BigUint64Array,
    specialPrimes: BigUint64Array,
    digits: number,
    path: string,
    memoryBytes: number,
    threads: number,
    publicKey: Uint8Array,
  ) => NativeEncryptor;
}

/** The public key and one encryption: at N = 131072 with 64 primes some 700 MB. */
const MEMORY_BYTES = 2 ** 30;

export class NativePublicSide implements Disposable {
  readonly #encryptor: NativeEncryptor;

  /** @throws BackendError BACKEND_UNAVAILABLE, ArtifactError KEY_INVALID */
  static create(parameters: CkksParameters, publicKey: Uint8Array, threads = 1): NativePublicSide {
    const checked = checkParameters(parameters);
    requireEncryption(checked);
    return new NativePublicSide(checked, publicKey, threads);
  }

  private constructor(parameters: CkksParameters, publicKey: Uint8Array, threads: number) {
    const { PublicEncryptor } = loadAddon('he_engine') as EncryptionAddon;
    this.#encryptor = callNative('the public key', () => {
      return new PublicEncryptor(
        parameters.polyModulusDegree,
        BigUint64Array.from(parameters.dataPrimes),
        BigUint64Array.from(parameters.specialPrimes),
        parameters.dnum,
        forcedPath(),
        MEMORY_BYTES,
        threads,
        publicKey,
      );
    });
  }

  /** A ciphertext of N/2 slots at `level` and `scale`. */
  encrypt(slots: Float64Array, level: number, scale: number): Uint8Array {
    return callNative('encryption', () => this.#encryptor.encrypt(slots, level, scale));
  }

  [Symbol.dispose](): void {
    this.#encryptor.dispose();
  }
}
