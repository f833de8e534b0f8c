/** One action at a time for each name, in all processes on one database: by advisory locks, each of which a connection holds. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { KeyedLock } from '../keyed-lock.ts';
import type { PostgresDatabase } from './postgres-database.ts';
import { isLockTimeout, translatePostgresError } from './postgres-errors.ts';

/**
 * Connections are beside the pool, or those who hold locks could leave none for the statements of what they do. One holds all that is
 * free when it is asked for, since any number of names may be in use at once; for a name that another process has, one of a few waits,
 * in the order in which the server was asked.
 *
 * A lock that is lost with its connection, as all are when the server restarts, lets another action begin before this one has ended. It goes
 * on all the same: what is counted, taken or settled has conditions in its own statements, and stays right. What was looked at before it
 * was written does not: a quota may be exceeded by what was under way, and of two who enrol under one name then, the later stands.
 */
const WAITING_CONNECTIONS = 4;
const PAUSE_MS = 250;

export class NamedLocks implements AsyncDisposable {
  readonly #database: PostgresDatabase;
  /** One waiter of this process for each name. */
  readonly #own = new KeyedLock();
  #holder: Promise<Client> | null = null;
  /** The holder is asked one thing after another. */
  readonly #asking = new KeyedLock();
  readonly #idle: Client[] = [];
  #open = 0;
  readonly #inLine: (() => void)[] = [];
  #closed = false;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  run<T>(name: string, action: () => Promise<T>): Promise<T> {
    return this.#own.run(name, async () => {
      const release = await this.#take(
        createHash('sha256').update(name).digest().readBigInt64BE().toString(),
      );
      try {
        return await action();
      } finally {
        await release();
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const holder = await this.#holder?.catch(() => null);
    const clients = [...this.#idle.splice(0), ...(holder ? [holder] : [])];
    await Promise.all(clients.map(endQuietly));
  }

  /** @returns gives it back; never throws */
  async #take(key: string): Promise<() => Promise<void>> {
    for (let deadline = this.#deadline(); ;) {
      try {
        return (await this.#takeFree(key)) ?? (await this.#waitFor(key));
      } catch (error) {
        // Who waits for others waits for as long as they take; a server that is not there has its time to come back.
        if (isLockTimeout(error)) deadline = this.#deadline();
        if (performance.now() > deadline || this.#closed) throw translatePostgresError(error);
        await sleep(PAUSE_MS);
      }
    }
  }

  #deadline(): number {
    return performance.now() + this.#database.patienceMs;
  }

  async #takeFree(key: string): Promise<(() => Promise<void>) | null> {
    const holder = (this.#holder ??= this.#connect());
    const forget = (): void => {
      if (this.#holder === holder) this.#holder = null;
    };
    try {
      const client = await holder;
      const answer = await this.#asking.run('holder', () =>
        client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [key]),
      );
      if (answer.rows[0]?.taken !== true) return null;
      return async () => {
        if (await this.#asking.run('holder', () => unlock(client, key))) return;
        forget();
        await endQuietly(client);
      };
    } catch (error) {
      forget();
      void holder.then(endQuietly, () => undefined);
      throw error;
    }
  }

  async #waitFor(key: string): Promise<() => Promise<void>> {
    while (this.#idle.length === 0 && this.#open >= WAITING_CONNECTIONS)
      await new Promise<void>((resolve) => this.#inLine.push(resolve));
    let client = this.#idle.pop();
    if (client === undefined) this.#open++;
    try {
      const waiting = (client ??= await this.#connect());
      await waiting.query('SELECT pg_advisory_lock($1)', [key]);
      return async () => this.#leave(waiting, await unlock(waiting, key));
    } catch (error) {
      this.#leave(client, false);
      throw error;
    }
  }

  #leave(client: Client | undefined, intact: boolean): void {
    if (client !== undefined && intact && !this.#closed) this.#idle.push(client);
    else {
      this.#open--;
      if (client !== undefined) void endQuietly(client);
    }
    this.#inLine.shift()?.();
  }

  async #connect(): Promise<Client> {
    const client = this.#database.connection();
    client.on('error', () => undefined);
    try {
      await client.connect();
    } catch (error) {
      void endQuietly(client);
      throw error;
    }
    return client;
  }
}

/** False if the connection is of no more use: it is to be ended, and its locks end with it. */
async function unlock(client: Client, key: string): Promise<boolean> {
  return client.query('SELECT pg_advisory_unlock($1)', [key]).then(
    () => true,
    () => false,
  );
}

async function endQuietly(client: Client): Promise<void> {
  await client.end().catch(() => undefined);
}
