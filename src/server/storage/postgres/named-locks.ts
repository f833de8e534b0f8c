/** One action at a time for each name, in all processes on one database: by advisory locks, each of which a connection holds. */
import { createHash } from 'node:crypto';
import type { Client } from 'pg';
import { KeyedLock } from '../keyed-lock.ts';
import type { PostgresDatabase } from './postgres-database.ts';
import { translatePostgresError } from './postgres-errors.ts';

/**
 * Connections beside the pool, or those who hold locks could leave none for the statements of what they do. A lock that is lost with its
 * connection lets another action begin before this one has ended: no harm is done, since every statement has its own conditions; a quota may
 * be exceeded by what was under way then.
 */
const CONNECTIONS = 4;
const ATTEMPTS = 40;
const PAUSE_MS = 250;

export class NamedLocks implements AsyncDisposable {
  readonly #database: PostgresDatabase;
  /** One waiter of this process for each name. */
  readonly #own = new KeyedLock();
  readonly #idle: Client[] = [];
  #open = 0;
  readonly #waiting: (() => void)[] = [];
  #closed = false;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  run<T>(name: string, action: () => Promise<T>): Promise<T> {
    return this.#own.run(name, () => this.#hold(name, action));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#idle.splice(0).map((client) => client.end().catch(() => undefined)));
  }

  async #hold<T>(name: string, action: () => Promise<T>): Promise<T> {
    const key = createHash('sha256').update(name).digest().readBigInt64BE().toString();
    const client = await this.#take(key);
    let intact = true;
    try {
      return await action();
    } finally {
      // One that does not answer is ended, and its locks with it.
      await client.query('SELECT pg_advisory_unlock($1)', [key]).catch(() => (intact = false));
      this.#leave(client, intact);
    }
  }

  async #take(key: string): Promise<Client> {
    while (this.#idle.length === 0 && this.#open >= CONNECTIONS)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    for (let attempt = 1; ; attempt++) {
      const idle = this.#idle.pop();
      if (idle === undefined) this.#open++;
      const client = idle ?? this.#database.connection();
      try {
        if (idle === undefined) {
          client.on('error', () => undefined);
          await client.connect();
        }
        await client.query('SELECT pg_advisory_lock($1)', [key]);
        return client;
      } catch (error) {
        this.#leave(client, false);
        if (attempt === ATTEMPTS) throw translatePostgresError(error);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  #leave(client: Client, intact: boolean): void {
    if (intact && !this.#closed) this.#idle.push(client);
    else {
      this.#open--;
      client.end().catch(() => undefined);
    }
    this.#waiting.shift()?.();
  }
}
