/** Rows of the embedded database ↔ records. */
import type { Row } from './sqlite-database.ts';
import type {
  ChunkRecord,
  ClientRecord,
  KeyFile,
  KeySetRecord,
  KeyState,
  SessionOutcome,
  SessionRecord,
  SessionState,
  UploadOwner,
  UploadRecord,
} from './records.ts';

const text = (row: Row, column: string): string => row[column] as string;
const textOrNull = (row: Row, column: string): string | null => row[column] as string | null;
const number = (row: Row, column: string): number => Number(row[column]);
const numberOrNull = (row: Row, column: string): number | null =>
  row[column] === null ? null : Number(row[column]);

export function clientOf(row: Row): ClientRecord {
  return {
    clientId: text(row, 'client_id'),
    tokenHash: text(row, 'token_hash'),
    tokenExpiresAt: number(row, 'token_expires_at'),
    publicKey: textOrNull(row, 'public_key'),
    certificateSubject: textOrNull(row, 'certificate_subject'),
    createdAt: number(row, 'created_at'),
  };
}

export function keySetOf(row: Row): KeySetRecord {
  return {
    clientId: text(row, 'client_id'),
    keyRef: text(row, 'key_ref'),
    algorithmId: text(row, 'algorithm_id'),
    model: text(row, 'model'),
    files: JSON.parse(text(row, 'files')) as KeyFile[],
    state: text(row, 'state') as KeyState,
    rejection: textOrNull(row, 'rejection'),
    createdAt: number(row, 'created_at'),
    activatedAt: numberOrNull(row, 'activated_at'),
    expiresAt: number(row, 'expires_at'),
  };
}

export function uploadOf(row: Row, owner: UploadOwner): UploadRecord {
  return {
    owner,
    fileName: text(row, 'file_name'),
    totalChunks: number(row, 'total_chunks'),
    receivedChunks: number(row, 'received_chunks'),
    receivedBytes: number(row, 'received_bytes'),
  };
}

export function chunkOf(row: Row): ChunkRecord {
  return { index: number(row, 'chunk_index'), bytes: number(row, 'bytes'), sha256: text(row, 'sha256') };
}

export function sessionOf(row: Row): SessionRecord {
  const outcome = textOrNull(row, 'outcome');
  return {
    clientId: text(row, 'client_id'),
    sessionId: text(row, 'session_id'),
    state: text(row, 'state') as SessionState,
    model: textOrNull(row, 'model'),
    keyRef: textOrNull(row, 'key_ref'),
    ompThreads: numberOrNull(row, 'omp_threads'),
    createdAt: number(row, 'created_at'),
    expiresAt: number(row, 'expires_at'),
    queuedAt: numberOrNull(row, 'queued_at'),
    updatedAt: number(row, 'updated_at'),
    outcome: outcome === null ? null : (JSON.parse(outcome) as SessionOutcome),
  };
}
