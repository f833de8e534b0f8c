/** Refusals of what has no result to put them into: they become errors of JSON-RPC, with the protocol's code in their data. */
import { ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server';
import type { ErrorCode, ToolError } from '../protocol/error-codes.ts';
import { isRetryable } from '../protocol/error-codes.ts';
import { toToolError } from '../protocol/translate-error.ts';

/** What is not there for whoever asks, and arguments that cannot be meant. */
const INVALID: readonly ErrorCode[] = [
  'ERROR_UNKNOWN_SESSION',
  'ERROR_SESSION_EXPIRED',
  'ERROR_INVALID_ARGUMENT',
];

/** @param host hears of it */
export function asProtocolError(
  host: { onError?(tool: string, error: ToolError): void },
  method: string,
  thrown: unknown,
): ProtocolError {
  if (thrown instanceof ProtocolError) return thrown;
  const error = toToolError(thrown);
  host.onError?.(method, error);
  const code = INVALID.includes(error.code)
    ? ProtocolErrorCode.InvalidParams
    : ProtocolErrorCode.InternalError;
  return new ProtocolError(code, error.message, {
    error_code: error.code,
    retryable: isRetryable(error.code),
    ...(error.retryAfterMs === undefined ? {} : { retry_after_ms: error.retryAfterMs }),
  });
}
