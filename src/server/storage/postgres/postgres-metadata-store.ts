/**
 * `MetadataStore` on PostgreSQL, for any number of processes. What is done once and for all, as taking a nonce, is done under a mark of who did it:
 * the same call, made again since nobody confirmed its commit, finds its own mark and not somebody else's.
 */
import { randomUUID } from 'node:crypto';
import type { MetadataStore } from '../metadata-store.ts';
import type {
  ChunkRecord,
  ClientRecord,
  InvitationRecord,
  KeySetRecord,
  NewUpload,
  QueuePlace,
  SessionRecord,
  UploadOwner,
  UploadRecord,
} from '../records.ts';
import { NamedLocks } from './named-locks.ts';
import type { PostgresClient } from './postgres-client.ts';
import type { PostgresDatabase } from './postgres-database.ts';
import { chunkOf, clientOf, keySetOf, uploadOf } from './record-rows.ts';
import { outcomeText, readSession, sessionOf } from './session-rows.ts';

/** No client has an empty name. */
const ALL_CLIENTS = '';
/** The first three parameters name an owner. */
const OWNER = 'client_id = $1 AND kind = $2 AND owner_id = $3';
const AGAIN = { idempotent: true } as const;

export class PostgresMetadataStore implements MetadataStore {
  readonly #db: PostgresDatabase;
  readonly #locks: NamedLocks;

  constructor(database: PostgresDatabase) {
    this.#db = database;
    this.#locks = new NamedLocks(database);
  }

  exclusive<T>(name: string, action: () => Promise<T>): Promise<T> {
    return this.#locks.run(name, action);
  }

  async client(clientId: string): Promise<ClientRecord | null> {
    const row = await this.#db.get('SELECT * FROM clients WHERE client_id = $1', clientId);
    return row === null ? null : clientOf(row);
  }

  async clientByToken(tokenHash: string): Promise<ClientRecord | null> {
    const row = await this.#db.get('SELECT * FROM clients WHERE token_hash = $1', tokenHash);
    return row === null ? null : clientOf(row);
  }

  clientCount(): Promise<number> {
    return this.#number('SELECT count(*) AS n FROM clients');
  }

  async putClient(client: ClientRecord): Promise<void> {
    await this.#change(
      `INSERT INTO clients VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (client_id) DO UPDATE SET
         token_hash = excluded.token_hash, token_expires_at = excluded.token_expires_at, public_key = excluded.public_key,
         certificate_subject = excluded.certificate_subject, created_at = excluded.created_at`,
      ...[client.clientId, client.tokenHash, client.tokenExpiresAt, client.publicKey],
      ...[client.certificateSubject, client.createdAt],
    );
  }

  async deleteClient(clientId: string): Promise<void> {
    await this.#change('DELETE FROM clients WHERE client_id = $1', clientId);
  }

  async putInvitation({ codeHash, clientId, expiresAt }: InvitationRecord): Promise<void> {
    await this.#change(
      `INSERT INTO invitations (code_hash, client_id, expires_at) VALUES ($1, $2, $3) ON CONFLICT (code_hash) DO UPDATE SET
         client_id = excluded.client_id, expires_at = excluded.expires_at, taken_by = NULL`,
      ...[codeHash, clientId, expiresAt],
    );
  }

  async hasInvitation(codeHash: string, now: number): Promise<boolean> {
    const sql = 'SELECT 1 FROM invitations WHERE code_hash = $1 AND expires_at > $2 AND taken_by IS NULL';
    return (await this.#db.get(sql, codeHash, now)) !== null;
  }

  async takeInvitation(codeHash: string, clientId: string, now: number, named = false): Promise<boolean> {
    const mark = randomUUID();
    return this.#db.transaction(async (client) => {
      await client.run(
        `UPDATE invitations SET taken_by = $5 WHERE code_hash = $1 AND expires_at > $2 AND taken_by IS NULL
           AND (client_id = $3 OR (client_id IS NULL AND NOT $4))`,
        ...[codeHash, now, clientId, named, mark],
      );
      return (
        (await client.get(
          'SELECT 1 FROM invitations WHERE code_hash = $1 AND taken_by = $2',
          codeHash,
          mark,
        )) !== null
      );
    }, AGAIN);
  }

  async addNonce(clientId: string, nonce: string, expiresAt: number): Promise<boolean> {
    const mark = randomUUID();
    return this.#db.transaction(async (client) => {
      const row = await client.get(
        `INSERT INTO nonces VALUES ($1, $2, $3, $4) ON CONFLICT (client_id, nonce) DO UPDATE SET taken_by = nonces.taken_by
         RETURNING taken_by`,
        ...[clientId, nonce, expiresAt, mark],
      );
      return row?.['taken_by'] === mark;
    }, AGAIN);
  }

  /** Commits are durable. */
  async settled(): Promise<void> {
    return;
  }

  async keySet(clientId: string, keyRef: string): Promise<KeySetRecord | null> {
    const row = await this.#db.get(
      'SELECT * FROM key_sets WHERE client_id = $1 AND key_ref = $2',
      clientId,
      keyRef,
    );
    return row === null ? null : keySetOf(row);
  }

  async keySets(clientId: string): Promise<KeySetRecord[]> {
    const rows = await this.#db.all(
      'SELECT * FROM key_sets WHERE client_id = $1 ORDER BY coalesce(activated_at, created_at) DESC',
      clientId,
    );
    return rows.map(keySetOf);
  }

  async putKeySet(record: KeySetRecord): Promise<void> {
    await this.#change(
      `INSERT INTO key_sets VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (client_id, key_ref) DO UPDATE SET
         algorithm_id = excluded.algorithm_id, model = excluded.model, files = excluded.files, state = excluded.state,
         rejection = excluded.rejection, created_at = excluded.created_at, activated_at = excluded.activated_at,
         expires_at = excluded.expires_at`,
      ...[record.clientId, record.keyRef, record.algorithmId, record.model, JSON.stringify(record.files)],
      ...[record.state, record.rejection, record.createdAt, record.activatedAt, record.expiresAt],
    );
  }

  async revokeKeys(clientId: string, keyRef: string): Promise<void> {
    await this.#change(
      `UPDATE key_sets SET state = 'revoked', rejection = NULL WHERE client_id = $1 AND key_ref = $2`,
      ...[clientId, keyRef],
    );
  }

  async settleKeys(
    clientId: string,
    keyRef: string,
    state: 'active' | 'rejected',
    rejection: string | null,
    at: number,
  ): Promise<boolean> {
    let settled = false;
    return this.#db.transaction(async (client) => {
      if (await settleKeys(client, { clientId, keyRef }, state, rejection, at)) return (settled = true);
      // Nobody confirmed it, so it is made again: what is there is ours if it is as we left it.
      return settled && (await this.#isSettled(client, { clientId, keyRef }, state, rejection, at));
    }, AGAIN);
  }

  async #isSettled(
    client: PostgresClient,
    { clientId, keyRef }: Pick<KeySetRecord, 'clientId' | 'keyRef'>,
    state: 'active' | 'rejected',
    rejection: string | null,
    at: number,
  ): Promise<boolean> {
    const row = await client.get(
      `SELECT 1 FROM key_sets WHERE client_id = $1 AND key_ref = $2 AND state = $3 AND rejection IS NOT DISTINCT FROM $4::text
         AND ($3 <> 'active' OR activated_at = $5)`,
      ...[clientId, keyRef, state, rejection, at],
    );
    return row !== null;
  }

  async deleteKeySet(clientId: string, keyRef: string): Promise<void> {
    await this.#change('DELETE FROM key_sets WHERE client_id = $1 AND key_ref = $2', clientId, keyRef);
  }

  async upload(owner: UploadOwner, fileName: string): Promise<UploadRecord | null> {
    const row = await this.#db.get(
      `SELECT * FROM uploads WHERE ${OWNER} AND file_name = $4`,
      ...ownerValues(owner),
      fileName,
    );
    return row === null ? null : uploadOf(row, owner);
  }

  async uploads(owner: UploadOwner): Promise<UploadRecord[]> {
    const rows = await this.#db.all(
      `SELECT * FROM uploads WHERE ${OWNER} ORDER BY file_name`,
      ...ownerValues(owner),
    );
    return rows.map((row) => uploadOf(row, owner));
  }

  async beginUpload({ owner, fileName, totalChunks }: NewUpload): Promise<UploadRecord> {
    return this.#db.transaction(async (client) => {
      // An update of nothing, so that the row is given back, whoever made it.
      const row = await client.get(
        `INSERT INTO uploads (client_id, kind, owner_id, file_name, total_chunks) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (client_id, kind, owner_id, file_name) DO UPDATE SET total_chunks = uploads.total_chunks RETURNING *`,
        ...ownerValues(owner),
        ...[fileName, totalChunks],
      );
      return uploadOf(row!, owner);
    }, AGAIN);
  }

  async chunk(owner: UploadOwner, fileName: string, index: number): Promise<ChunkRecord | null> {
    const row = await this.#db.get(
      `SELECT * FROM chunks WHERE ${OWNER} AND file_name = $4 AND chunk_index = $5`,
      ...ownerValues(owner),
      ...[fileName, index],
    );
    return row === null ? null : chunkOf(row);
  }

  async chunks(owner: UploadOwner, fileName: string): Promise<ChunkRecord[]> {
    const rows = await this.#db.all(
      `SELECT * FROM chunks WHERE ${OWNER} AND file_name = $4 ORDER BY chunk_index`,
      ...ownerValues(owner),
      fileName,
    );
    return rows.map(chunkOf);
  }

  async putChunk(owner: UploadOwner, fileName: string, { index, bytes, sha256 }: ChunkRecord): Promise<void> {
    await this.#db.transaction(async (client) => {
      // Nothing is left of what was removed in the meantime.
      const begun = await client.get(
        `SELECT 1 FROM uploads WHERE ${OWNER} AND file_name = $4 FOR UPDATE`,
        ...ownerValues(owner),
        fileName,
      );
      if (begun === null) return;
      const added = await client.run(
        'INSERT INTO chunks VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING',
        ...ownerValues(owner),
        ...[fileName, index, bytes, sha256],
      );
      if (added === 0) return;
      await client.run(
        `UPDATE uploads SET received_chunks = received_chunks + 1, received_bytes = received_bytes + $5
         WHERE ${OWNER} AND file_name = $4`,
        ...ownerValues(owner),
        ...[fileName, bytes],
      );
      await addStored(client, owner.clientId, bytes);
    }, AGAIN);
  }

  async deleteUploads(owner: UploadOwner): Promise<void> {
    await this.#db.transaction(async (client) => {
      const rows = await client.all(
        `DELETE FROM uploads WHERE ${OWNER} RETURNING received_bytes`,
        ...ownerValues(owner),
      );
      await client.run(`DELETE FROM chunks WHERE ${OWNER}`, ...ownerValues(owner));
      const bytes = rows.reduce((sum, row) => sum + Number(row['received_bytes']), 0);
      if (bytes > 0) await addStored(client, owner.clientId, -bytes);
    }, AGAIN);
  }

  stagedBytes(clientId: string, owner?: UploadOwner): Promise<number> {
    if (owner === undefined)
      return this.#number('SELECT bytes AS n FROM stored WHERE client_id = $1', clientId);
    return this.#number(`SELECT sum(received_bytes) AS n FROM uploads WHERE ${OWNER}`, ...ownerValues(owner));
  }

  storedBytes(): Promise<number> {
    return this.stagedBytes(ALL_CLIENTS);
  }

  session(clientId: string, sessionId: string): Promise<SessionRecord | null> {
    return readSession(this.#db, clientId, sessionId);
  }

  sessionCount(clientId: string): Promise<number> {
    return this.#number('SELECT count(*) AS n FROM sessions WHERE client_id = $1', clientId);
  }

  async orderedSessions(
    clientId: string,
    after: QueuePlace | null,
    now: number,
    most: number,
  ): Promise<SessionRecord[]> {
    // What was never queued has no place, and no place is behind another.
    const rows = await this.#db.all(
      `SELECT * FROM sessions WHERE client_id = $1 AND (queued_at, session_id) > ($2::bigint, $3::text) AND expires_at > $4
       ORDER BY queued_at, session_id LIMIT $5`,
      ...[clientId, after?.queuedAt ?? -1, after?.sessionId ?? '', now, most],
    );
    return rows.map(sessionOf);
  }

  async putSession(record: SessionRecord): Promise<void> {
    await this.#change(
      `INSERT INTO sessions VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (client_id, session_id) DO UPDATE SET
         state = excluded.state, model = excluded.model, key_ref = excluded.key_ref, omp_threads = excluded.omp_threads,
         created_at = excluded.created_at, expires_at = excluded.expires_at, queued_at = excluded.queued_at,
         outcome = excluded.outcome, updated_at = excluded.updated_at`,
      ...[record.clientId, record.sessionId, record.state, record.model, record.keyRef, record.ompThreads],
      ...[record.createdAt, record.expiresAt, record.queuedAt, outcomeText(record), Date.now()],
    );
  }

  async deleteSession(clientId: string, sessionId: string): Promise<void> {
    await this.#change('DELETE FROM sessions WHERE client_id = $1 AND session_id = $2', clientId, sessionId);
  }

  async unfinishedSessions(): Promise<SessionRecord[]> {
    const rows = await this.#db.all(
      `SELECT * FROM sessions WHERE state IN ('queued', 'running') ORDER BY queued_at`,
    );
    return rows.map(sessionOf);
  }

  async expired(now: number): Promise<{ sessions: SessionRecord[]; keySets: KeySetRecord[] }> {
    await this.#change('DELETE FROM nonces WHERE expires_at < $1', now);
    await this.#change('DELETE FROM invitations WHERE expires_at < $1', now);
    const sessions = await this.#db.all(
      `SELECT * FROM sessions WHERE expires_at < $1 AND state NOT IN ('queued', 'running')`,
      now,
    );
    const keySets = await this.#db.all('SELECT * FROM key_sets WHERE expires_at < $1', now);
    return { sessions: sessions.map(sessionOf), keySets: keySets.map(keySetOf) };
  }

  /** The database is its opener's to close. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#locks[Symbol.asyncDispose]();
  }

  /** One statement after which twice is as once. */
  async #change(sql: string, ...values: readonly unknown[]): Promise<void> {
    await this.#db.transaction((client) => client.run(sql, ...values), AGAIN);
  }

  async #number(sql: string, ...values: readonly unknown[]): Promise<number> {
    return Number((await this.#db.get(sql, ...values))?.['n'] ?? 0);
  }
}

/** Of keys that are being provisioned; false for all others. */
export async function settleKeys(
  client: PostgresClient,
  { clientId, keyRef }: Pick<KeySetRecord, 'clientId' | 'keyRef'>,
  state: 'active' | 'rejected',
  rejection: string | null,
  at: number,
): Promise<boolean> {
  const settled = await client.run(
    `UPDATE key_sets SET state = $3, rejection = $4, activated_at = CASE WHEN $3 = 'active' THEN $5::bigint ELSE activated_at END
     WHERE client_id = $1 AND key_ref = $2 AND state = 'provisioning'`,
    ...[clientId, keyRef, state, rejection, at],
  );
  return settled === 1;
}

/** The client first, then all: in this order everywhere, so that nobody waits for whoever waits for him. */
async function addStored(client: PostgresClient, clientId: string, bytes: number): Promise<void> {
  for (const name of [clientId, ALL_CLIENTS])
    await client.run(
      `INSERT INTO stored VALUES ($1, $2) ON CONFLICT (client_id) DO UPDATE SET bytes = stored.bytes + excluded.bytes`,
      ...[name, bytes],
    );
}

function ownerValues({ clientId, kind, id }: UploadOwner): [string, string, string] {
  return [clientId, kind, id];
}
