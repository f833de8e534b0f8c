/** The embedded database: SQLite as Node has it, with write-ahead logging, synced at every commit unless that is said to come later. */
import { chmodSync, existsSync } from 'node:fs';
import { importSqlite } from './import-sqlite.ts';
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import { BackendError } from '../../errors.ts';
import { FileSync } from './file-sync.ts';

export type Row = Readonly<Record<string, SQLOutputValue>>;

/** One statement list per schema version; a database is brought forward by those it has not seen. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE clients (
     client_id TEXT PRIMARY KEY, token_hash TEXT NOT NULL, token_expires_at INTEGER NOT NULL,
     public_key TEXT, certificate_subject TEXT, created_at INTEGER NOT NULL) STRICT;
   CREATE UNIQUE INDEX clients_by_token ON clients (token_hash);
   CREATE TABLE invitations (code_hash TEXT PRIMARY KEY, client_id TEXT, expires_at INTEGER NOT NULL) STRICT;
   CREATE TABLE nonces (
     client_id TEXT NOT NULL, nonce TEXT NOT NULL, expires_at INTEGER NOT NULL,
     PRIMARY KEY (client_id, nonce)) STRICT, WITHOUT ROWID;
   CREATE INDEX nonces_by_expiry ON nonces (expires_at);
   CREATE TABLE key_sets (
     client_id TEXT NOT NULL, key_ref TEXT NOT NULL, algorithm_id TEXT NOT NULL, model TEXT NOT NULL,
     files TEXT NOT NULL, state TEXT NOT NULL, rejection TEXT, created_at INTEGER NOT NULL,
     activated_at INTEGER, expires_at INTEGER NOT NULL, PRIMARY KEY (client_id, key_ref)) STRICT;
   CREATE TABLE uploads (
     client_id TEXT NOT NULL, kind TEXT NOT NULL, owner_id TEXT NOT NULL, file_name TEXT NOT NULL,
     total_chunks INTEGER NOT NULL, PRIMARY KEY (client_id, kind, owner_id, file_name)) STRICT;
   CREATE TABLE chunks (
     client_id TEXT NOT NULL, kind TEXT NOT NULL, owner_id TEXT NOT NULL, file_name TEXT NOT NULL,
     chunk_index INTEGER NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
     PRIMARY KEY (client_id, kind, owner_id, file_name, chunk_index)) STRICT, WITHOUT ROWID;
   CREATE TABLE sessions (
     client_id TEXT NOT NULL, session_id TEXT NOT NULL, state TEXT NOT NULL, model TEXT, key_ref TEXT,
     omp_threads INTEGER, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, queued_at INTEGER,
     outcome TEXT, PRIMARY KEY (client_id, session_id)) STRICT;`,
  // Sums are kept, so that no acknowledgement has to add up chunks. The client without a name stands for all of them.
  `ALTER TABLE uploads ADD COLUMN received_chunks INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE uploads ADD COLUMN received_bytes INTEGER NOT NULL DEFAULT 0;
   CREATE TABLE stored (client_id TEXT PRIMARY KEY, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   UPDATE uploads SET (received_chunks, received_bytes) = (
     SELECT count(*), coalesce(sum(bytes), 0) FROM chunks
     WHERE chunks.client_id = uploads.client_id AND chunks.kind = uploads.kind
       AND chunks.owner_id = uploads.owner_id AND chunks.file_name = uploads.file_name);
   INSERT INTO stored SELECT client_id, sum(bytes) FROM chunks GROUP BY client_id;
   INSERT INTO stored SELECT '', sum(bytes) FROM chunks HAVING count(*) > 0;`,
  `ALTER TABLE sessions ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
   UPDATE sessions SET updated_at = created_at;`,
  // Lists of tasks are read page by page.
  `CREATE INDEX sessions_by_queue ON sessions (client_id, queued_at, session_id);`,
];

/** https://sqlite.org/rescode.html: the disk is full, also where it is the index of the log that cannot grow. */
const FULL: readonly number[] = [13, 4874];

export class Database implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #makeRoom: () => boolean;
  /** https://sqlite.org/wal.html: a commit is in the file beside the database, in the order of commits. */
  readonly #log: FileSync;
  #inTransaction = false;
  /** Of a transaction: what changes nothing is not written, nor synced. */
  #changed = false;

  /**
   * Loads SQLite only here, since Node announces it as experimental on stderr in some versions.
   * @param makeRoom asked when the disk is full; true if there is a point in another attempt
   * @param migrations of another kind of database than the servers' records
   * @throws BackendError DATABASE_UNSUPPORTED if a newer version made it, STORAGE_FULL
   */
  static async open(
    file: string,
    makeRoom: () => boolean = () => false,
    migrations: readonly string[] = MIGRATIONS,
  ): Promise<Database> {
    const { DatabaseSync } = await importSqlite();
    const database = new DatabaseSync(file, { timeout: 5000 });
    if (existsSync(file)) chmodSync(file, 0o600);
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;');
    return new Database(database, new FileSync(`${file}-wal`), makeRoom, migrations);
  }

  private constructor(
    database: DatabaseSync,
    log: FileSync,
    makeRoom: () => boolean,
    migrations: readonly string[],
  ) {
    this.#database = database;
    this.#log = log;
    this.#makeRoom = makeRoom;
    this.transaction(() => {
      const version = Number(this.#database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
      if (version > migrations.length) {
        throw new BackendError(
          'DATABASE_UNSUPPORTED',
          'the database was made by a newer version of he-compile',
        );
      }
      for (const migration of migrations.slice(version)) this.#database.exec(migration);
      this.#database.exec(`PRAGMA user_version = ${migrations.length}`);
    });
  }

  get(sql: string, ...values: readonly SQLInputValue[]): Row | null {
    return this.#prepare(sql).get(...values) ?? null;
  }

  all(sql: string, ...values: readonly SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...values);
  }

  /** Rows changed. */
  run(sql: string, ...values: readonly SQLInputValue[]): number {
    const change = (): number => Number(this.#prepare(sql).run(...values).changes);
    const changes = this.#inTransaction ? change() : this.#withRoom(change);
    if (this.#inTransaction) this.#changed ||= changes > 0;
    else if (changes > 0) this.#log.wasSynced();
    return changes;
  }

  /** As `run`, for what may be lost with the machine's power until `settled` or the next commit; with the process alone it is not. */
  runUnsynced(sql: string, ...values: readonly SQLInputValue[]): number {
    this.#database.exec('PRAGMA synchronous = NORMAL');
    try {
      return this.#withRoom(() => Number(this.#prepare(sql).run(...values).changes));
    } finally {
      this.#database.exec('PRAGMA synchronous = FULL');
      this.#log.wrote();
    }
  }

  /** What was overwritten or deleted is in no file any more: https://sqlite.org/pragma.html#pragma_wal_checkpoint. */
  forgetDeleted(): void {
    this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  /** Resolves when all that was committed is on the disk, without holding up anybody else. */
  async settled(): Promise<void> {
    await this.#log.settled();
  }

  transaction<T>(action: () => T): T {
    return this.#withRoom(() => {
      this.#database.exec('BEGIN IMMEDIATE');
      this.#inTransaction = true;
      this.#changed = false;
      try {
        const result = action();
        this.#database.exec('COMMIT');
        if (this.#changed) this.#log.wasSynced();
        return result;
      } catch (error) {
        this.#rollBack();
        throw error;
      } finally {
        this.#inTransaction = false;
      }
    });
  }

  #rollBack(): void {
    try {
      this.#database.exec('ROLLBACK');
    } catch {
      // A disk that is full has ended it already.
    }
  }

  /** @throws BackendError STORAGE_FULL */
  #withRoom<T>(action: () => T): T {
    for (let again = false; ; again = true) {
      try {
        return action();
      } catch (error) {
        if (!isFull(error)) throw error;
        if (again || !this.#makeRoom()) {
          throw new BackendError('STORAGE_FULL', 'there is no room for the server’s records', {
            hint: 'make room on the disk of the state folder',
            cause: error,
          });
        }
      }
    }
  }

  [Symbol.dispose](): void {
    this.#statements.clear();
    this.#database.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && FULL.includes(Number(error.errcode));
}
