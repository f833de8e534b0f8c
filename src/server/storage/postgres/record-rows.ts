/** Rows of clients, key sets and uploads ↔ records. */
import type {
  ChunkRecord,
  ClientRecord,
  KeyFile,
  KeySetRecord,
  KeyState,
  UploadOwner,
  UploadRecord,
} from '../records.ts';
import type { PostgresRow } from './postgres-client.ts';

export function clientOf(row: PostgresRow): ClientRecord {
  return {
    clientId: row['client_id'] as string,
    tokenHash: row['token_hash'] as string,
    tokenExpiresAt: Number(row['token_expires_at']),
    publicKey: row['public_key'] as string | null,
    certificateSubject: row['certificate_subject'] as string | null,
    createdAt: Number(row['created_at']),
  };
}

export function keySetOf(row: PostgresRow): KeySetRecord {
  return {
    clientId: row['client_id'] as string,
    keyRef: row['key_ref'] as string,
    algorithmId: row['algorithm_id'] as string,
    model: row['model'] as string,
    files: row['files'] as KeyFile[],
    state: row['state'] as KeyState,
    rejection: row['rejection'] as string | null,
    createdAt: Number(row['created_at']),
    activatedAt: row['activated_at'] === null ? null : Number(row['activated_at']),
    expiresAt: Number(row['expires_at']),
  };
}

export function uploadOf(row: PostgresRow, owner: UploadOwner): UploadRecord {
  return {
    owner,
    fileName: row['file_name'] as string,
    totalChunks: Number(row['total_chunks']),
    receivedChunks: Number(row['received_chunks']),
    receivedBytes: Number(row['received_bytes']),
  };
}

export function chunkOf(row: PostgresRow): ChunkRecord {
  return {
    index: Number(row['chunk_index']),
    bytes: Number(row['bytes']),
    sha256: row['sha256'] as string,
  };
}
