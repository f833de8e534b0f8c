/** `FederationStore` on the embedded database, in a file of its own. */
import type {
  FederationRecord,
  FederationStore,
  GlobalModelRecord,
  StoredRound,
} from './federation-store.ts';
import type { Row } from './sqlite-database.ts';
import { Database } from './sqlite-database.ts';

const MIGRATIONS: readonly string[] = [
  `CREATE TABLE federation (id INTEGER PRIMARY KEY CHECK (id = 1), document TEXT NOT NULL) STRICT;
   CREATE TABLE models (
     version INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, round INTEGER,
     created_at INTEGER NOT NULL) STRICT;
   CREATE TABLE rounds (
     round INTEGER PRIMARY KEY, stage TEXT NOT NULL, deadline INTEGER NOT NULL, opened_at INTEGER NOT NULL,
     ended_at INTEGER, state TEXT, summary TEXT NOT NULL) STRICT;`,
];

export class SqliteFederationStore implements FederationStore {
  readonly #db: Database;

  /** @param file path of the database, or ":memory:" */
  static async open(file: string, makeRoom?: () => boolean): Promise<SqliteFederationStore> {
    return new SqliteFederationStore(await Database.open(file, makeRoom, MIGRATIONS));
  }

  private constructor(database: Database) {
    this.#db = database;
  }

  federation(): FederationRecord | null {
    const row = this.#db.get('SELECT document FROM federation');
    return row === null ? null : (JSON.parse(row['document'] as string) as FederationRecord);
  }

  putFederation(record: FederationRecord): void {
    this.#db.run('INSERT OR REPLACE INTO federation VALUES (1, ?)', JSON.stringify(record));
  }

  models(): GlobalModelRecord[] {
    return this.#db.all('SELECT * FROM models ORDER BY version').map((row) => ({
      version: Number(row['version']),
      sha256: row['sha256'] as string,
      bytes: Number(row['bytes']),
      round: row['round'] === null ? null : Number(row['round']),
      createdAt: Number(row['created_at']),
    }));
  }

  rounds(): StoredRound[] {
    return this.#db.all('SELECT * FROM rounds ORDER BY round').map(roundOf);
  }

  round(round: number): StoredRound | null {
    const row = this.#db.get('SELECT * FROM rounds WHERE round = ?', round);
    return row === null ? null : roundOf(row);
  }

  putRound({ round, stage, deadline, openedAt, endedAt, state, summary }: StoredRound): void {
    this.#db.run(
      'INSERT OR REPLACE INTO rounds VALUES (?, ?, ?, ?, ?, ?, ?)',
      ...[round, stage, deadline, openedAt, endedAt, state, summary],
    );
  }

  putResult(
    { version, sha256, bytes, round, createdAt }: GlobalModelRecord,
    ended: StoredRound | null,
  ): void {
    this.#db.transaction(() => {
      this.#db.run('INSERT INTO models VALUES (?, ?, ?, ?, ?)', version, sha256, bytes, round, createdAt);
      if (ended !== null) this.putRound(ended);
    });
  }

  forgetDeleted(): void {
    this.#db.forgetDeleted();
  }

  [Symbol.dispose](): void {
    this.#db[Symbol.dispose]();
  }
}

function roundOf(row: Row): StoredRound {
  return {
    round: Number(row['round']),
    stage: row['stage'] as string,
    deadline: Number(row['deadline']),
    openedAt: Number(row['opened_at']),
    endedAt: row['ended_at'] === null ? null : Number(row['ended_at']),
    state: row['state'] as string | null,
    summary: row['summary'] as string,
  };
}
