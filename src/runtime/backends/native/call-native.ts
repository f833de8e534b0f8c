/** Translates what the addons throw. */
import { ArtifactError, BackendError, HeError, InternalError } from '../../../errors.ts';

const FILE_CODES: readonly string[] = ['KEY_INVALID', 'CIPHERTEXT_INVALID'];
const HINTS: Readonly<Record<string, string>> = {
  MEMORY_EXCEEDED: 'allow more memory, or compile with a smaller --max-key-mb or --max-memory-mb',
  KEY_MISSING: 'generate the keys from the signature of this artifact',
};

/**
 * Runs a call into an addon; an error of it becomes a HeError of the same code.
 * @param what begins the message: "the ciphertext"
 */
export function callNative<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    if (cause instanceof HeError) throw cause;
    const { code, message } = cause as { readonly code?: unknown; readonly message?: unknown };
    const text = typeof message === 'string' ? message : 'unknown error';
    if (typeof code !== 'string') throw new InternalError(`${what}: ${text}`, { cause });
    if (FILE_CODES.includes(code)) throw new ArtifactError(code, `${what} is not valid: ${text}`, { cause });
    if (code === 'CANCELLED') throw new BackendError(code, text);
    const hint = HINTS[code];
    if (hint !== undefined) throw new BackendError(code, `${what}: ${text}`, { hint, cause });
    throw new InternalError(`${what}: ${text}`, { cause });
  }
}
