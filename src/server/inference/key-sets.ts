/** What can be said of key sets by their records alone: their names, whether there is room for another, whether one may be used. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../protocol/canonical-json.ts';
import { ToolError } from '../protocol/error-codes.ts';
import type { KeyFile, KeySetRecord, UploadOwner } from '../storage/records.ts';
import type { ServerLimits } from './configuration.ts';
import type { ServedModel } from './model-catalog.ts';

const MAX_KEY_FILES = 64;

/**
 * Whether a client may announce these files.
 * @param records of its other key sets, newest first
 * @returns the one to be forgotten for it, if there has to be one
 * @throws ToolError ERROR_QUOTA_EXCEEDED
 */
export function requireKeyRoom(
  records: readonly KeySetRecord[],
  model: ServedModel,
  files: readonly KeyFile[],
  limits: ServerLimits,
): KeySetRecord | null {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  if (files.length > MAX_KEY_FILES || total > model.maxKeyBytes) {
    throw new ToolError(
      'ERROR_QUOTA_EXCEEDED',
      `${files.length} key files of ${total} bytes, at most ${MAX_KEY_FILES} of ${model.maxKeyBytes} bytes can be needed`,
    );
  }
  const stored = records.filter(({ state }) => ['provisioning', 'active'].includes(state));
  const bytes = stored.flatMap((record) => record.files).reduce((sum, file) => sum + file.bytes, 0);
  if (stored.length >= limits.keySetsPerClient || bytes + total > limits.keyBytesPerClient) {
    throw new ToolError('ERROR_QUOTA_EXCEEDED', 'this client stores as many evaluation keys as it may');
  }
  if (records.length < limits.keyRecordsPerClient) return null;
  // Why keys were rejected can be forgotten, that they were revoked cannot.
  const rejected = records.findLast(({ state }) => state === 'rejected');
  if (rejected !== undefined) return rejected;
  throw new ToolError(
    'ERROR_QUOTA_EXCEEDED',
    `${records.length} key sets of this client were revoked: the time of one must end first`,
  );
}

export function affinityOf({ clientId, keyRef }: KeySetRecord, model: ServedModel): string {
  return `${clientId} ${keyRef} ${model.digest}`;
}

export function keyReferenceOf(clientId: string, algorithmId: string, files: readonly KeyFile[]): string {
  const contents = files.map(({ fileName, bytes, sha256 }) => [fileName, bytes, sha256]).toSorted();
  const text = canonicalJson({ algorithmId, clientId, contents });
  return `hekey:${createHash('sha256').update(text).digest('hex')}`;
}

export function ownerOf({ clientId, keyRef }: KeySetRecord): UploadOwner {
  return { clientId, kind: 'keys', id: keyRef };
}

/** @throws ToolError ERROR_KEY_REVOKED */
export function requireNotRevoked({ state }: KeySetRecord): void {
  if (state === 'revoked') throw new ToolError('ERROR_KEY_REVOKED', 'these keys were revoked');
}

/** @throws ToolError ERROR_KEY_EXPIRED, ERROR_KEY_REVOKED, ERROR_INVALID_EVALUATION_KEY or ERROR_KEY_NOT_READY */
export function requireUsable(record: KeySetRecord, now: number): KeySetRecord {
  if (record.expiresAt <= now) throw new ToolError('ERROR_KEY_EXPIRED', 'the key set has expired');
  switch (record.state) {
    case 'active':
      return record;
    case 'revoked':
      throw new ToolError('ERROR_KEY_REVOKED', 'the key set was revoked');
    case 'rejected':
      throw new ToolError('ERROR_INVALID_EVALUATION_KEY', 'the key set was rejected when it was committed');
    case 'provisioning':
      throw new ToolError('ERROR_KEY_NOT_READY', 'the key set is not committed yet');
  }
}
