/** Both sides of the native engine in one thread, for the backend contract; keys are node-seal's where it can make them. */
import type { CkksParameters } from '../../../program/security.ts';
import type { NativeBackendOptions, NativeCiphertext } from '../native/backend.ts';
import { NativeBackend } from '../native/backend.ts';
import { NativeSecretSide } from '../native/secret-side.ts';
import { sealRefusal } from '../seal/refusal.ts';
import { SealSecretSide } from '../seal/secret-side.ts';
import type { BackendUnderTest } from './contract.ts';

interface SecretUnderTest extends Disposable {
  makeRotationKey(step: number): Uint8Array;
  makeRelinearizationKey(): Uint8Array;
  encrypt(slots: Float64Array, level: number, scale: number): Uint8Array;
  decrypt(bytes: Uint8Array, level: number, scale: number): Float64Array;
}

export async function makeNativeUnderTest(
  parameters: CkksParameters,
  rotationSteps: readonly number[],
  options: Partial<NativeBackendOptions> = {},
): Promise<
  BackendUnderTest<NativeCiphertext> & { readonly backend: NativeBackend; readonly secret: SecretUnderTest }
> {
  const secret = await makeSecret(parameters);
  const backend = NativeBackend.create(parameters, { memoryBytes: 2 ** 32, ...options });
  for (const step of rotationSteps) backend.loadRotationKey(step, secret.makeRotationKey(step));
  backend.loadRelinearizationKey(secret.makeRelinearizationKey());
  return {
    backend,
    secret,
    encrypt: (slots, level, scale) => secret.encrypt(slots, level, scale),
    decrypt: (bytes, level, scale) => secret.decrypt(bytes, level, scale),
    liveHandles: () => backend.liveHandles,
    [Symbol.dispose]: () => {
      backend[Symbol.dispose]();
      secret[Symbol.dispose]();
    },
  };
}

/** An independent maker of keys and ciphertexts, where there is one. */
async function makeSecret(parameters: CkksParameters): Promise<SecretUnderTest> {
  const top = parameters.dataPrimes.length - 1;
  if (sealRefusal(parameters) === null) {
    const seal = await SealSecretSide.create(parameters, null);
    return {
      makeRotationKey: (step) => seal.makeGaloisKey(step),
      makeRelinearizationKey: () => seal.makeRelinearizationKey(),
      encrypt: (slots, level, scale) => seal.encrypt(slots, level, scale),
      decrypt: (bytes, level, scale) => seal.decrypt(bytes, level, scale),
      [Symbol.dispose]: () => seal[Symbol.dispose](),
    };
  }
  const native = NativeSecretSide.create(parameters, null);
  return {
    makeRotationKey: (step) => native.makeRotationKey(step, top),
    makeRelinearizationKey: () => native.makeRelinearizationKey(top),
    encrypt: (slots, level, scale) => native.encrypt(slots, level, scale),
    decrypt: (bytes, level, scale) => native.decrypt(bytes, level, scale),
    [Symbol.dispose]: () => native[Symbol.dispose](),
  };
}
