/** How the evaluation of a session ended, as records say it. */
import { isErrorCode, ToolError } from '../protocol/error-codes.ts';
import { toToolError } from '../protocol/translate-error.ts';
import type { SessionRecord, UploadOwner } from '../storage/records.ts';
import { ownerPrefix } from '../hosting/staging.ts';

export function sessionOwner(clientId: string, sessionId: string): UploadOwner {
  return { clientId, kind: 'session', id: sessionId };
}

/** Where a result is written: beside the inputs, under a name that no input has, and no other attempt. */
export function newResultKey({ clientId, sessionId }: SessionRecord, epoch: number): string {
  return `${ownerPrefix(sessionOwner(clientId, sessionId))}/result-${epoch}`;
}

/** Of a session that is done. */
export function resultKeyOf({ clientId, sessionId, outcome }: SessionRecord): string {
  const named = outcome?.ok === true ? outcome.resultKey : undefined;
  return named ?? `${ownerPrefix(sessionOwner(clientId, sessionId))}/result`;
}

/** The record of a session whose evaluation did not succeed. */
export function unsuccessful(record: SessionRecord, thrown: unknown): SessionRecord {
  const { code, message } = toToolError(thrown, 'ciphertexts');
  if (code === 'ERROR_CANCELLED') return { ...record, state: 'cancelled' };
  return { ...record, state: 'failed', outcome: { ok: false, errorCode: code, message } };
}

export function outcomeError({ outcome }: SessionRecord): ToolError | null {
  if (outcome === null || outcome.ok) return null;
  const { errorCode, message } = outcome;
  return new ToolError(isErrorCode(errorCode) ? errorCode : 'ERROR_INTERNAL', message);
}

/** Why there is no result. */
export function notDone(record: SessionRecord): ToolError {
  const failure = outcomeError(record);
  if (failure !== null) return failure;
  if (record.state === 'cancelled') return new ToolError('ERROR_CANCELLED', 'the evaluation was cancelled');
  return new ToolError('ERROR_RESULT_NOT_READY', `the session is ${record.state}`, { retryAfterMs: 500 });
}
