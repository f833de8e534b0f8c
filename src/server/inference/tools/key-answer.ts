/** A key set as tools state it. */
import type { z } from 'zod';
import type { keyStatus } from '../../protocol/answers.ts';
import type { KeyStatus } from '../key-provisioning.ts';
import type { InferenceServices } from '../services.ts';
import { isoTime } from './define.ts';

export function keyAnswer(
  { record, files }: KeyStatus,
  { configuration }: InferenceServices,
): z.infer<typeof keyStatus> {
  return {
    ok: true,
    key_ref: record.keyRef,
    client_id: record.clientId,
    algorithm_id: record.algorithmId,
    model: record.model,
    state: record.state,
    rejection: record.rejection,
    created_at: isoTime(record.createdAt),
    expires_at: isoTime(record.expiresAt),
    files,
    max_chunk_bytes: configuration.limits.maxChunkBytes,
  };
}
