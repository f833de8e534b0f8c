/** `MetadataStore` on the embedded database. */
import { KeyedLock } from './keyed-lock.ts';
import { Database } from './sqlite-database.ts';
import type { MetadataStore } from './metadata-store.ts';
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
} from './records.ts';
import { chunkOf, clientOf, keySetOf, sessionOf, uploadOf } from './sqlite-rows.ts';

/** No client has an empty name. */
const ALL_CLIENTS = '';
const OWNER = 'client_id = ? AND kind = ? AND owner_id = ?';

export class SqliteMetadataStore implements MetadataStore {
  readonly #db: Database;
  readonly #lock = new KeyedLock();

  /**
   * @param file path of the database, or ":memory:"
   * @param makeRoom asked when the disk is full; true if there is a point in another attempt
   */
  static async open(file: string, makeRoom?: () => boolean): Promise<SqliteMetadataStore> {
    return new SqliteMetadataStore(await Database.open(file, makeRoom));
  }

  private constructor(database: Database) {
    this.#db = database;
  }

  exclusive<T>(name: string, action: () => Promise<T>): Promise<T> {
    return this.#lock.run(name, action);
  }

  async client(clientId: string): Promise<ClientRecord | null> {
    return this.enrolled(clientId);
  }

  /** As `client`, at once. */
  enrolled(clientId: string): ClientRecord | null {
    const row = this.#db.get('SELECT * FROM clients WHERE client_id = ?', clientId);
    return row === null ? null : clientOf(row);
  }

  async clientByToken(tokenHash: string): Promise<ClientRecord | null> {
    const row = this.#db.get('SELECT * FROM clients WHERE token_hash = ?', tokenHash);
    return row === null ? null : clientOf(row);
  }

  async clientCount(): Promise<number> {
    return Number(this.#db.get('SELECT count(*) AS n FROM clients')?.['n'] ?? 0);
  }

  async putClient(client: ClientRecord): Promise<void> {
    this.#db.run(
      'INSERT OR REPLACE INTO clients VALUES (?, ?, ?, ?, ?, ?)',
      client.clientId,
      client.tokenHash,
      client.tokenExpiresAt,
      client.publicKey,
      client.certificateSubject,
      client.createdAt,
    );
  }

  async deleteClient(clientId: string): Promise<void> {
    this.#db.run('DELETE FROM clients WHERE client_id = ?', clientId);
  }

  async putInvitation({ codeHash, clientId, expiresAt }: InvitationRecord): Promise<void> {
    this.#db.run('INSERT OR REPLACE INTO invitations VALUES (?, ?, ?)', codeHash, clientId, expiresAt);
  }

  async hasInvitation(codeHash: string, now: number): Promise<boolean> {
    return (
      this.#db.get('SELECT 1 FROM invitations WHERE code_hash = ? AND expires_at > ?', codeHash, now) !== null
    );
  }

  async takeInvitation(codeHash: string, clientId: string, now: number, named = false): Promise<boolean> {
    return (
      this.#db.run(
        `DELETE FROM invitations
         WHERE code_hash = ? AND expires_at > ? AND (client_id = ? OR (client_id IS NULL AND ? = 0))`,
        codeHash,
        now,
        clientId,
        Number(named),
      ) === 1
    );
  }

  async addNonce(clientId: string, nonce: string, expiresAt: number): Promise<boolean> {
    const values = [clientId, nonce, expiresAt];
    return this.#db.runUnsynced('INSERT OR IGNORE INTO nonces VALUES (?, ?, ?)', ...values) === 1;
  }

  async settled(): Promise<void> {
    await this.#db.settled();
  }

  async keySet(clientId: string, keyRef: string): Promise<KeySetRecord | null> {
    const row = this.#db.get('SELECT * FROM key_sets WHERE client_id = ? AND key_ref = ?', clientId, keyRef);
    return row === null ? null : keySetOf(row);
  }

  async keySets(clientId: string): Promise<KeySetRecord[]> {
    return this.#db
      .all(
        'SELECT * FROM key_sets WHERE client_id = ? ORDER BY coalesce(activated_at, created_at) DESC',
        clientId,
      )
      .map(keySetOf);
  }

  async putKeySet(record: KeySetRecord): Promise<void> {
    this.#db.run(
      'INSERT OR REPLACE INTO key_sets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      record.clientId,
      record.keyRef,
      record.algorithmId,
      record.model,
      JSON.stringify(record.files),
      record.state,
      record.rejection,
      record.createdAt,
      record.activatedAt,
      record.expiresAt,
    );
  }

  async revokeKeys(clientId: string, keyRef: string): Promise<void> {
    this.#db.run(
      `UPDATE key_sets SET state = 'revoked', rejection = NULL WHERE client_id = ? AND key_ref = ?`,
      clientId,
      keyRef,
    );
  }

  async settleKeys(
    clientId: string,
    keyRef: string,
    state: 'active' | 'rejected',
    rejection: string | null,
    at: number,
  ): Promise<boolean> {
    return (
      this.#db.run(
        `UPDATE key_sets SET state = ?, rejection = ?, activated_at = CASE WHEN ? = 'active' THEN ? ELSE activated_at END
         WHERE client_id = ? AND key_ref = ? AND state = 'provisioning'`,
        ...[state, rejection, state, at, clientId, keyRef],
      ) === 1
    );
  }

  async deleteKeySet(clientId: string, keyRef: string): Promise<void> {
    this.#db.run('DELETE FROM key_sets WHERE client_id = ? AND key_ref = ?', clientId, keyRef);
  }

  async upload(owner: UploadOwner, fileName: string): Promise<UploadRecord | null> {
    return this.#upload(owner, fileName);
  }

  #upload(owner: UploadOwner, fileName: string): UploadRecord | null {
    const row = this.#db.get(
      `SELECT * FROM uploads WHERE ${OWNER} AND file_name = ?`,
      ...ownerValues(owner),
      fileName,
    );
    return row === null ? null : uploadOf(row, owner);
  }

  async uploads(owner: UploadOwner): Promise<UploadRecord[]> {
    return this.#db
      .all(`SELECT * FROM uploads WHERE ${OWNER} ORDER BY file_name`, ...ownerValues(owner))
      .map((row) => uploadOf(row, owner));
  }

  async beginUpload(upload: NewUpload): Promise<UploadRecord> {
    const { owner, fileName, totalChunks } = upload;
    this.#db.run(
      'INSERT OR IGNORE INTO uploads (client_id, kind, owner_id, file_name, total_chunks) VALUES (?, ?, ?, ?, ?)',
      ...ownerValues(owner),
      fileName,
      totalChunks,
    );
    return this.#upload(owner, fileName)!;
  }

  async chunk(owner: UploadOwner, fileName: string, index: number): Promise<ChunkRecord | null> {
    const row = this.#db.get(
      `SELECT * FROM chunks WHERE ${OWNER} AND file_name = ? AND chunk_index = ?`,
      ...ownerValues(owner),
      fileName,
      index,
    );
    return row === null ? null : chunkOf(row);
  }

  async chunks(owner: UploadOwner, fileName: string): Promise<ChunkRecord[]> {
    return this.#db
      .all(
        `SELECT * FROM chunks WHERE ${OWNER} AND file_name = ? ORDER BY chunk_index`,
        ...ownerValues(owner),
        fileName,
      )
      .map(chunkOf);
  }

  async putChunk(owner: UploadOwner, fileName: string, { index, bytes, sha256 }: ChunkRecord): Promise<void> {
    this.#db.transaction(() => {
      const values = [...ownerValues(owner), fileName, index, bytes, sha256];
      if (this.#db.run('INSERT OR IGNORE INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?)', ...values) === 0) return;
      this.#db.run(
        `UPDATE uploads SET received_chunks = received_chunks + 1, received_bytes = received_bytes + ?
         WHERE ${OWNER} AND file_name = ?`,
        bytes,
        ...ownerValues(owner),
        fileName,
      );
      this.#addStored(owner.clientId, bytes);
    });
  }

  async deleteUploads(owner: UploadOwner): Promise<void> {
    this.#db.transaction(() => {
      this.#addStored(owner.clientId, -this.#stagedBytes(owner.clientId, owner));
      this.#db.run(`DELETE FROM chunks WHERE ${OWNER}`, ...ownerValues(owner));
      this.#db.run(`DELETE FROM uploads WHERE ${OWNER}`, ...ownerValues(owner));
    });
  }

  #addStored(clientId: string, bytes: number): void {
    for (const name of [clientId, ALL_CLIENTS]) {
      this.#db.run(
        'INSERT INTO stored VALUES (?, ?) ON CONFLICT (client_id) DO UPDATE SET bytes = bytes + excluded.bytes',
        name,
        bytes,
      );
    }
  }

  async stagedBytes(clientId: string, owner?: UploadOwner): Promise<number> {
    return this.#stagedBytes(clientId, owner);
  }

  #stagedBytes(clientId: string, owner?: UploadOwner): number {
    const row =
      owner === undefined
        ? this.#db.get('SELECT bytes AS n FROM stored WHERE client_id = ?', clientId)
        : this.#db.get(`SELECT sum(received_bytes) AS n FROM uploads WHERE ${OWNER}`, ...ownerValues(owner));
    return Number(row?.['n'] ?? 0);
  }

  async storedBytes(): Promise<number> {
    return this.#stagedBytes(ALL_CLIENTS);
  }

  async session(clientId: string, sessionId: string): Promise<SessionRecord | null> {
    const row = this.#db.get(
      'SELECT * FROM sessions WHERE client_id = ? AND session_id = ?',
      clientId,
      sessionId,
    );
    return row === null ? null : sessionOf(row);
  }

  async sessionCount(clientId: string): Promise<number> {
    return Number(
      this.#db.get('SELECT count(*) AS n FROM sessions WHERE client_id = ?', clientId)?.['n'] ?? 0,
    );
  }

  async orderedSessions(
    clientId: string,
    after: QueuePlace | null,
    now: number,
    most: number,
  ): Promise<SessionRecord[]> {
    // What was never queued has no place, and no place is behind another.
    return this.#db
      .all(
        `SELECT * FROM sessions WHERE client_id = ? AND (queued_at, session_id) > (?, ?) AND expires_at > ?
         ORDER BY queued_at, session_id LIMIT ?`,
        clientId,
        after?.queuedAt ?? -1,
        after?.sessionId ?? '',
        now,
        most,
      )
      .map(sessionOf);
  }

  async putSession(record: SessionRecord): Promise<void> {
    this.#db.run(
      'INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      record.clientId,
      record.sessionId,
      record.state,
      record.model,
      record.keyRef,
      record.ompThreads,
      record.createdAt,
      record.expiresAt,
      record.queuedAt,
      record.outcome === null ? null : JSON.stringify(record.outcome),
      Date.now(),
    );
  }

  async deleteSession(clientId: string, sessionId: string): Promise<void> {
    this.#db.run('DELETE FROM sessions WHERE client_id = ? AND session_id = ?', clientId, sessionId);
  }

  async unfinishedSessions(): Promise<SessionRecord[]> {
    return this.#db
      .all(`SELECT * FROM sessions WHERE state IN ('queued', 'running') ORDER BY queued_at`)
      .map(sessionOf);
  }

  async expired(now: number): Promise<{ sessions: SessionRecord[]; keySets: KeySetRecord[] }> {
    this.#db.run('DELETE FROM nonces WHERE expires_at < ?', now);
    this.#db.run('DELETE FROM invitations WHERE expires_at < ?', now);
    return {
      sessions: this.#db
        .all(`SELECT * FROM sessions WHERE expires_at < ? AND state NOT IN ('queued', 'running')`, now)
        .map(sessionOf),
      keySets: this.#db.all('SELECT * FROM key_sets WHERE expires_at < ?', now).map(keySetOf),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#db[Symbol.dispose]();
  }
}

function ownerValues({ clientId, kind, id }: UploadOwner): [string, string, string] {
  return [clientId, kind, id];
}
