/** Opens a secret key with the library that serves it best. */
import { availableParallelism } from 'node:os';
import { BackendError } from '../../errors.ts';
import type { CkksParameters } from '../../program/security.ts';
import type { RefreshKeyBytes } from '../backend.ts';
import { BfvSecretSide } from '../backends/bfv/secret-side.ts';
import type { NativeSecretOptions } from '../backends/native/secret-side.ts';
import { NativeSecretSide } from '../backends/native/secret-side.ts';
import { preferNative } from '../backends/prefer-native.ts';
import { SealSecretSide } from '../backends/seal/secret-side.ts';

/** One secret key and what can be done with it; all bytes in SEAL's format. Levels are those that keys are truncated to. */
export interface SecretSide extends Disposable {
  saveSecretKey(): Uint8Array;
  makePublicKey(): Uint8Array;
  makeRotationKey(step: number, level: number): Uint8Array;
  makeRelinearizationKey(level: number): Uint8Array;
  /** Of libraries that can refresh. */
  makeConjugationKey?(level: number): Uint8Array;
  makeRaiseKeys?(level: number): RaiseKeyBytes;
  encrypt(slots: Float64Array, level: number, scale: number): Uint8Array;
  /**
   * @param noiseLimit largest root mean square of the slots' imaginary parts, which under CKKS hold noise only; exact schemes have none
   * @throws ArtifactError CIPHERTEXT_INVALID, or OUTPUT_OUT_OF_RANGE beyond the limit
   */
  decrypt(bytes: Uint8Array, level: number, scale: number, noiseLimit?: number): Float64Array;
}

/** What raises the modulus of ciphertexts to a level, under a sparse secret that nobody keeps. */
export type RaiseKeyBytes = Omit<RefreshKeyBytes, 'conjugation'>;

/**
 * @param secretKey null makes a new one
 * @throws ArtifactError KEY_INVALID, BackendError BACKEND_UNAVAILABLE
 */
export function openSecretSide(
  parameters: CkksParameters,
  secretKey: Uint8Array | null,
  options: NativeSecretOptions = {},
): Promise<SecretSide> {
  if (parameters.scheme === 'bfv') return BfvSecretSide.create(parameters, secretKey);
  return preferNative<SecretSide>(
    parameters,
    () => NativeSecretSide.create(parameters, secretKey, { threads: availableParallelism(), ...options }),
    async () => fromSeal(parameters, await SealSecretSide.create(parameters, secretKey)),
  );
}

function fromSeal({ dataPrimes }: CkksParameters, seal: SealSecretSide): SecretSide {
  const requireTop = (level: number): void => {
    if (level === dataPrimes.length - 1) return;
    throw new BackendError('PARAMETERS_UNSUPPORTED', `node-seal cannot make a key for level ${level} only`);
  };
  return {
    saveSecretKey: () => seal.saveSecretKey(),
    makePublicKey: () => seal.makePublicKey(),
    makeRotationKey: (step, level) => {
      requireTop(level);
      return seal.makeGaloisKey(step);
    },
    makeRelinearizationKey: (level) => {
      requireTop(level);
      return seal.makeRelinearizationKey();
    },
    encrypt: (slots, level, scale) => seal.encrypt(slots, level, scale),
    decrypt: (bytes, level, scale, noiseLimit) => seal.decrypt(bytes, level, scale, noiseLimit),
    [Symbol.dispose]: () => seal[Symbol.dispose](),
  };
}
