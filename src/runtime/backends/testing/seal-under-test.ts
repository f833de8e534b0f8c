/** Both sides of node-seal in one thread, for the backend contract. */
import type { CkksParameters } from '../../../program/security.ts';
import type { BackendUnderTest } from './contract.ts';
import type { SealCiphertext } from '../seal/algebra.ts';
import { SealBackend } from '../seal/backend.ts';
import type { SealBackendOptions } from '../seal/backend.ts';
import { SealSecretSide } from '../seal/secret-side.ts';

export async function makeSealUnderTest(
  parameters: CkksParameters,
  rotationSteps: readonly number[],
  options: SealBackendOptions = {},
): Promise<
  BackendUnderTest<SealCiphertext> & { readonly backend: SealBackend; readonly secret: SealSecretSide }
> {
  const secret = await SealSecretSide.create(parameters, null);
  const backend = await SealBackend.create(parameters, options);
  for (const step of rotationSteps) backend.loadRotationKey(step, secret.makeGaloisKey(step));
  backend.loadRelinearizationKey(secret.makeRelinearizationKey());
  return {
    backend,
    secret,
    encrypt: (slots, level, scale) => secret.encrypt(slots, level, scale),
    decrypt: (bytes, level, scale) => secret.decrypt(bytes, level, scale),
    liveHandles: () => backend.liveHandles + secret.liveHandles,
    [Symbol.dispose]: () => {
      backend[Symbol.dispose]();
      secret[Symbol.dispose]();
    },
  };
}
