/** Rows of sessions ↔ records. */
import type { SessionOutcome, SessionRecord, SessionState } from '../records.ts';
import type { PostgresClient, PostgresRow } from './postgres-client.ts';

export function sessionOf(row: PostgresRow): SessionRecord {
  return {
    clientId: row['client_id'] as string,
    sessionId: row['session_id'] as string,
    state: row['state'] as SessionState,
    model: row['model'] as string | null,
    keyRef: row['key_ref'] as string | null,
    ompThreads: row['omp_threads'] as number | null,
    createdAt: Number(row['created_at']),
    expiresAt: Number(row['expires_at']),
    queuedAt: row['queued_at'] === null ? null : Number(row['queued_at']),
    updatedAt: Number(row['updated_at']),
    outcome: row['outcome'] as SessionOutcome | null,
  };
}

export async function readSession(
  client: Pick<PostgresClient, 'get'>,
  clientId: string,
  sessionId: string,
): Promise<SessionRecord | null> {
  const row = await client.get(
    'SELECT * FROM sessions WHERE client_id = $1 AND session_id = $2',
    clientId,
    sessionId,
  );
  return row === null ? null : sessionOf(row);
}

/** Of a session that is there; one that is gone stays so. */
export async function updateSession(client: PostgresClient, record: SessionRecord): Promise<void> {
  await client.run(
    `UPDATE sessions SET state = $3, model = $4, key_ref = $5, omp_threads = $6, expires_at = $7, queued_at = $8,
       outcome = $9, updated_at = $10 WHERE client_id = $1 AND session_id = $2`,
    ...[record.clientId, record.sessionId, record.state, record.model, record.keyRef, record.ompThreads],
    ...[record.expiresAt, record.queuedAt, outcomeText(record), Date.now()],
  );
}

/** As `updateSession`, of the state alone. */
export async function setSessionState(
  client: PostgresClient,
  { clientId, sessionId }: Pick<SessionRecord, 'clientId' | 'sessionId'>,
  state: SessionState,
): Promise<void> {
  await client.run(
    'UPDATE sessions SET state = $3, updated_at = $4 WHERE client_id = $1 AND session_id = $2',
    ...[clientId, sessionId, state, Date.now()],
  );
}

export function outcomeText({ outcome }: SessionRecord): string | null {
  return outcome === null ? null : JSON.stringify(outcome);
}
