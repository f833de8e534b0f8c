/** Errors of the library → codes of the protocol. Messages are ours, never an exception's of someone else's. */
import { HeError } from '../../errors.ts';
import type { ErrorCode } from './error-codes.ts';
import { isErrorCode, ToolError } from './error-codes.ts';

const BY_LIBRARY_CODE: Readonly<Record<string, ErrorCode>> = {
  KEY_INVALID: 'ERROR_INVALID_EVALUATION_KEY',
  KEY_MISSING: 'ERROR_INVALID_GALOIS_KEY',
  SECRET_KEY_REFUSED: 'ERROR_SECRET_KEY_REFUSED',
  PARAMETERS_MISMATCH: 'ERROR_PARAMETER_MISMATCH',
  PARAMETERS_INSECURE: 'ERROR_WEAK_PARAMETERS',
  PARAMETERS_INVALID: 'ERROR_PARAMETER_MISMATCH',
  PARAMETERS_UNSUPPORTED: 'ERROR_PARAMETER_MISMATCH',
  KEY_SET_MISMATCH: 'ERROR_KEY_SET_MISMATCH',
  CIPHERTEXT_INVALID: 'ERROR_INVALID_CIPHERTEXT',
  CIPHERTEXT_MISMATCH: 'ERROR_INVALID_CIPHERTEXT',
  INPUT_OUT_OF_RANGE: 'ERROR_INPUT_OUT_OF_RANGE',
  OUTPUT_OUT_OF_RANGE: 'ERROR_OUTPUT_OUT_OF_RANGE',
  NOISE_OVERFLOW: 'ERROR_NOISE_OVERFLOW',
  MEMORY_EXCEEDED: 'ERROR_MEMORY_EXCEEDED',
  STORAGE_FULL: 'ERROR_STORAGE_FULL',
  CANCELLED: 'ERROR_CANCELLED',
  WORKER_FAILED: 'ERROR_EVALUATION_FAILED',
  WORKER_STALLED: 'ERROR_EVALUATION_FAILED',
  CLOSED: 'ERROR_EVALUATION_FAILED',
  SEAL_FAILED: 'ERROR_EVALUATION_FAILED',
  SEAL_UNAVAILABLE: 'ERROR_EVALUATION_FAILED',
  BACKEND_UNAVAILABLE: 'ERROR_EVALUATION_FAILED',
};

/** What damaged containers mean depends on what they were to hold. */
export type Holding = 'keys' | 'ciphertexts';

export function toToolError(thrown: unknown, holding: Holding | null = null): ToolError {
  if (thrown instanceof ToolError) return thrown;
  if (!(thrown instanceof HeError))
    return new ToolError('ERROR_INTERNAL', 'the server failed', { cause: thrown });
  if (isErrorCode(thrown.code)) return new ToolError(thrown.code, thrown.message, { cause: thrown });
  const known = BY_LIBRARY_CODE[thrown.code];
  if (known !== undefined) return new ToolError(known, thrown.message, { cause: thrown });
  if (thrown.code.startsWith('CONTAINER_') && holding !== null) {
    const code = holding === 'keys' ? 'ERROR_INVALID_EVALUATION_KEY' : 'ERROR_INVALID_CIPHERTEXT';
    return new ToolError(code, thrown.message, { cause: thrown });
  }
  return new ToolError('ERROR_INTERNAL', 'the server failed', { cause: thrown });
}
