import { describe, expect, it } from 'vitest';
import { ArtifactError, BackendError, HeError } from '../../errors.ts';
import { ToolError } from './error-codes.ts';
import { toToolError, type Holding } from './translate-error.ts';

function codeOf(libraryCode: string, holding: Holding | null = null): string {
  return toToolError(new ArtifactError(libraryCode, 'of ours'), holding).code;
}

describe('errors of the library', () => {
  it.each([
    ['KEY_INVALID', 'ERROR_INVALID_EVALUATION_KEY'],
    ['KEY_MISSING', 'ERROR_INVALID_GALOIS_KEY'],
    ['SECRET_KEY_REFUSED', 'ERROR_SECRET_KEY_REFUSED'],
    ['PARAMETERS_MISMATCH', 'ERROR_PARAMETER_MISMATCH'],
    ['PARAMETERS_INSECURE', 'ERROR_WEAK_PARAMETERS'],
    ['PARAMETERS_INVALID', 'ERROR_PARAMETER_MISMATCH'],
    ['PARAMETERS_UNSUPPORTED', 'ERROR_PARAMETER_MISMATCH'],
    ['KEY_SET_MISMATCH', 'ERROR_KEY_SET_MISMATCH'],
    ['CIPHERTEXT_INVALID', 'ERROR_INVALID_CIPHERTEXT'],
    ['CIPHERTEXT_MISMATCH', 'ERROR_INVALID_CIPHERTEXT'],
    ['INPUT_OUT_OF_RANGE', 'ERROR_INPUT_OUT_OF_RANGE'],
    ['OUTPUT_OUT_OF_RANGE', 'ERROR_OUTPUT_OUT_OF_RANGE'],
    ['NOISE_OVERFLOW', 'ERROR_NOISE_OVERFLOW'],
    ['MEMORY_EXCEEDED', 'ERROR_MEMORY_EXCEEDED'],
    ['CANCELLED', 'ERROR_CANCELLED'],
    ['WORKER_FAILED', 'ERROR_EVALUATION_FAILED'],
    ['WORKER_STALLED', 'ERROR_EVALUATION_FAILED'],
    ['CLOSED', 'ERROR_EVALUATION_FAILED'],
    ['SEAL_FAILED', 'ERROR_EVALUATION_FAILED'],
    ['SEAL_UNAVAILABLE', 'ERROR_EVALUATION_FAILED'],
    ['BACKEND_UNAVAILABLE', 'ERROR_EVALUATION_FAILED'],
  ])('%s travels as %s, with its message', (library, code) => {
    const cause = new BackendError(library, 'of ours');
    expect(toToolError(cause)).toMatchObject({ code, message: 'of ours', cause });
  });

  it('of damaged containers mean what the containers were to hold', () => {
    expect(codeOf('CONTAINER_DAMAGED', 'keys')).toBe('ERROR_INVALID_EVALUATION_KEY');
    expect(codeOf('CONTAINER_TOO_LARGE', 'ciphertexts')).toBe('ERROR_INVALID_CIPHERTEXT');
    expect(codeOf('CONTAINER_DAMAGED')).toBe('ERROR_INTERNAL');
    expect(codeOf('OTHER_CONTAINER_DAMAGED', 'keys')).toBe('ERROR_INTERNAL');
  });

  it('that have a code of the protocol keep it', () => {
    expect(codeOf('ERROR_BUSY')).toBe('ERROR_BUSY');
    const own = new ToolError('ERROR_REPLAYED', 'again');
    expect(toToolError(own)).toBe(own);
  });
});

describe('what else is thrown', () => {
  it.each([
    ['by the language', new TypeError('secret 42')],
    ['by the library, under a code that is not for others', new ArtifactError('UNFORESEEN', 'secret 42')],
    ['and is no error', 'secret 42'],
  ])('%s says nothing of itself', (_what, thrown) => {
    const error = toToolError(thrown, 'keys');
    expect(error).toMatchObject({ code: 'ERROR_INTERNAL', message: 'the server failed', cause: thrown });
    expect(error).toBeInstanceOf(HeError);
  });
});
