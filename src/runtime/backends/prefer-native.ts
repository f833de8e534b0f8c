/** Which library serves a client. Both read and write the same bytes, so it may be another one each time. */
import { BackendError } from '../../errors.ts';
import type { CkksParameters } from '../../program/security.ts';
import { forcedPath } from './native/load-addon.ts';
import { sealRefusal } from './seal/refusal.ts';

/**
 * The native module where it is present, because it is faster; else node-seal, where it can use the parameters.
 * @throws BackendError BACKEND_UNAVAILABLE if neither can serve, and all that `native` and `seal` throw
 */
export async function preferNative<T>(
  parameters: CkksParameters,
  native: () => T,
  seal: () => Promise<T>,
): Promise<T> {
  // A name that means nothing must not pass for a native module that is not there.
  forcedPath();
  try {
    return native();
  } catch (error) {
    if (!(error instanceof BackendError && error.code === 'BACKEND_UNAVAILABLE')) throw error;
    const refusal = sealRefusal(parameters);
    if (refusal === null) return await seal();
    throw new BackendError('BACKEND_UNAVAILABLE', `${error.message}; and ${refusal}`, {
      hint: 'run "npm run build:native" in the he-compile folder, or compile the model with --backend seal',
      cause: error,
    });
  }
}
