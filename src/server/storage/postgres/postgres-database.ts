/**
 * A PostgreSQL database: a bounded pool of connections, transactions that are begun anew where that is safe, and the schema that
 * this version needs. A server that restarts is waited for; what fails for longer is said without secrets and without values.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, Pool, PoolClient } from 'pg';
import { BackendError } from '../../../errors.ts';
import { optionalPackage } from '../optional-package.ts';
import type { SchemaMigration } from './migrations/schema-migration.ts';
import { MIGRATIONS } from './migrations/list.ts';
import type { PostgresConnection } from './postgres-address.ts';
import { readPostgresAddress } from './postgres-address.ts';
import type { PostgresClient, PostgresRow } from './postgres-client.ts';
import { clientOn } from './postgres-client.ts';
import { isConflict, isConnectionLost, translatePostgresError } from './postgres-errors.ts';
import { migrate } from './run-migrations.ts';
import { checkSchema, schemaState } from './schema-state.ts';

/** Of one statement; what takes longer is ended by the server, and by us where the server does not answer. */
const STATEMENT_MS = 30_000;
const ANSWER_MS = STATEMENT_MS + 5000;
const LOCK_MS = 20_000;
/** A process that is held up leaves what it has locked to others as soon as it does its jobs. */
const IDLE_IN_TRANSACTION_MS = 15_000;
const CONNECT_MS = 10_000;
const IDLE_MS = 30_000;
const PATIENCE_MS = 20_000;
const PAUSE_MS = 250;
/** Of one transaction under conflicts. */
const CONFLICTS = 10;
const CONFLICT_PAUSE_MS = 40;

export interface TransactionOptions {
  readonly isolation?: 'READ COMMITTED' | 'REPEATABLE READ' | 'SERIALIZABLE';
  /**
   * Doing it twice is as doing it once. Without, a connection that is lost during the commit is an error, since nobody knows whether
   * the commit took place.
   */
  readonly idempotent?: boolean;
}

export interface DatabaseOptions {
  /** Bring the schema forward where it is older; true. Without, an older schema is refused: a role without the right needs this. */
  readonly migrate?: boolean;
  /** Those of another version; for tests. */
  readonly migrations?: readonly SchemaMigration[];
  readonly environment?: NodeJS.ProcessEnv;
  /** How long a server that is not there is waited for; 20 s, within which it restarts. */
  readonly patienceMs?: number;
}

export class PostgresDatabase implements AsyncDisposable {
  readonly address: string;
  /** How long a server that is not there is waited for. */
  readonly patienceMs: number;
  readonly #pool: Pool;
  readonly #newClient: () => Client;
  readonly #migrations: readonly SchemaMigration[];

  /**
   * @param address as in postgres-address.ts
   * @throws UsageError DATABASE_ADDRESS_INVALID, SECRET_UNREADABLE, PACKAGE_MISSING; BackendError DATABASE_REFUSED,
   * DATABASE_UNAVAILABLE, DATABASE_UNSUPPORTED if another version made the schema and it cannot be read
   */
  static async open(address: string, options: DatabaseOptions = {}): Promise<PostgresDatabase> {
    const connection = await readPostgresAddress(address, options.environment);
    const { default: pg } = await optionalPackage('pg', 'PostgreSQL', () => import('pg'));
    const migrations = options.migrations ?? MIGRATIONS;
    const database = new PostgresDatabase(
      address,
      new pg.Pool(settings(connection)),
      () => new pg.Client({ ...settings(connection), query_timeout: 0, statement_timeout: 0 }),
      migrations,
      options.patienceMs ?? PATIENCE_MS,
    );
    try {
      const { version } = await schemaState(database);
      if (version < migrations.length && options.migrate !== false) {
        const migrator = new pg.Client({ ...settings(connection), statement_timeout: 0, query_timeout: 0 });
        await migrate(migrator, migrations);
      }
      await database.checkSchema();
      return database;
    } catch (error) {
      await database[Symbol.asyncDispose]();
      throw translatePostgresError(error);
    }
  }

  private constructor(
    address: string,
    pool: Pool,
    newClient: () => Client,
    migrations: readonly SchemaMigration[],
    patienceMs: number,
  ) {
    this.patienceMs = patienceMs;
    this.address = address;
    this.#pool = pool;
    this.#newClient = newClient;
    this.#migrations = migrations;
    // An idle connection that ends has left the pool already.
    pool.on('error', () => undefined);
    // One that ends in the moment in which it is handed out has nobody else who listens.
    pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** Never with the address, which may hold a password. */
  toJSON(): object {
    return { kind: 'postgres' };
  }

  /**
   * Whether this version may go on with the schema as it is now: a newer version may have changed it since.
   * @throws BackendError DATABASE_UNSUPPORTED, DATABASE_UNAVAILABLE
   */
  async checkSchema(): Promise<void> {
    checkSchema(await schemaState(this), this.#migrations.length);
  }

  /** One statement that changes nothing: it is sent again over another connection if one is lost. */
  get(sql: string, ...values: readonly unknown[]): Promise<PostgresRow | null> {
    return this.#patiently((client) => client.get(sql, ...values));
  }

  /** As `get`. */
  all(sql: string, ...values: readonly unknown[]): Promise<PostgresRow[]> {
    return this.#patiently((client) => client.all(sql, ...values));
  }

  /** One statement that changes something, as a transaction. */
  run(sql: string, ...values: readonly unknown[]): Promise<number> {
    return this.transaction((client) => client.run(sql, ...values));
  }

  /**
   * All that `action` does, or nothing. It is called again if the transaction conflicts with another one or its connection is lost
   * before the commit: so it must do nothing but what it does through `client`.
   * @throws BackendError DATABASE_UNAVAILABLE, STORAGE_FULL, and what `action` throws
   */
  transaction<T>(
    action: (client: PostgresClient) => Promise<T>,
    { isolation = 'READ COMMITTED', idempotent = false }: TransactionOptions = {},
  ): Promise<T> {
    return this.#patiently(async (client) => {
      await client.run(`BEGIN ISOLATION LEVEL ${isolation}`);
      let result: T;
      try {
        result = await action(client);
      } catch (error) {
        // Over a connection that is lost nothing comes, and the server rolls back by itself.
        if (!isConnectionLost(error)) await client.run('ROLLBACK');
        throw error;
      }
      try {
        await client.run('COMMIT');
      } catch (error) {
        if (idempotent || !isConnectionLost(error)) throw error;
        throw new BackendError(
          'DATABASE_UNAVAILABLE',
          'the connection to the database was lost during a commit, which may have taken place',
          { hint: 'look whether the change is there before it is made again' },
        );
      }
      return result;
    });
  }

  /** A connection beside the pool, for whoever keeps it: not connected yet, and his to end. */
  connection(): Client {
    return this.#newClient();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#pool.ended) await this.#pool.end();
  }

  /** Again after conflicts, and after lost connections for as long as a server takes to come back. */
  async #patiently<T>(action: (client: PostgresClient) => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.patienceMs;
    for (let conflicts = 0; ;) {
      try {
        return await this.#once(action);
      } catch (error) {
        if (isConflict(error) && ++conflicts < CONFLICTS) {
          await sleep(CONFLICT_PAUSE_MS * conflicts * Math.random());
        } else if (isConnectionLost(error) && performance.now() < deadline && !this.#pool.ending) {
          await sleep(PAUSE_MS * (0.5 + Math.random()));
        } else throw translatePostgresError(error);
      }
    }
  }

  async #once<T>(action: (client: PostgresClient) => Promise<T>): Promise<T> {
    const connection: PoolClient = await this.#pool.connect();
    let lost: Error | undefined;
    const onError = (error: Error): void => {
      lost = error;
    };
    // Between two statements there is nobody else to tell.
    connection.on('error', onError);
    try {
      return await action(clientOn(connection));
    } catch (error) {
      if (isConnectionLost(error)) lost ??= error as Error;
      throw error;
    } finally {
      connection.off('error', onError);
      connection.release(lost);
    }
  }
}

function settings({ maxConnections, ...connection }: PostgresConnection): import('pg').PoolConfig {
  return {
    ...connection,
    max: maxConnections,
    application_name: 'he-compile',
    statement_timeout: STATEMENT_MS,
    query_timeout: ANSWER_MS,
    lock_timeout: LOCK_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    connectionTimeoutMillis: CONNECT_MS,
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
  };
}
