/** The embedded database: SQLite as Node has it, with write-ahead logging, synced at every commit. */
import { chmodSync, existsSync } from 'node:fs';
import { importSqlite } from './import-sqlite.ts';
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import { BackendError } from '../../errors.ts';

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
];

export class Database implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * Loads SQLite only here, since Node announces it as experimental on stderr in some versions.
   * @throws BackendError DATABASE_UNSUPPORTED if a newer version made it
   */
  static async open(file: string): Promise<Database> {
    const { DatabaseSync } = await importSqlite();
    const database = new DatabaseSync(file, { timeout: 5000 });
    if (existsSync(file)) chmodSync(file, 0o600);
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;');
    return new Database(database);
  }

  private constructor(database: DatabaseSync) {
    this.#database = database;
    this.transaction(() => {
      const version = Number(this.#database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
      if (version > MIGRATIONS.length) {
        throw new BackendError(
          'DATABASE_UNSUPPORTED',
          'the database was made by a newer version of he-compile',
        );
      }
      for (const migration of MIGRATIONS.slice(version)) this.#database.exec(migration);
      this.#database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
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
    return Number(this.#prepare(sql).run(...values).changes);
  }

  transaction<T>(action: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = action();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
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
