/**
 * What the processes of a cluster tell each other at once, by LISTEN and NOTIFY. Nothing depends on it: a notice that is lost, as all are while the
 * connection is, is made up for by whoever looks at the records again after a while, and is told here to do so.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import type { PostgresClient } from './postgres-client.ts';
import type { PostgresDatabase } from './postgres-database.ts';

const CHANNEL = 'he_compile';
const PAUSE_MS = 500;

/** What is told; `any`: something may have been missed. */
export type Notice =
  | { readonly about: 'work' | 'any' }
  | { readonly about: 'ended' | 'cancelled'; readonly job: string }
  | { readonly about: 'revoked'; readonly clientId: string; readonly keyRef: string };

/** Heard when the transaction is committed, and not otherwise. */
export async function tell(client: PostgresClient, notice: Notice): Promise<void> {
  await client.run('SELECT pg_notify($1, $2)', CHANNEL, JSON.stringify(notice));
}

export class PostgresNotices implements AsyncDisposable {
  readonly #database: PostgresDatabase;
  readonly #listeners = new Set<(notice: Notice) => void>();
  #client: Client | null = null;
  #closed = false;
  readonly #loop: Promise<void>;

  constructor(database: PostgresDatabase) {
    this.#database = database;
    this.#loop = this.#listen();
  }

  subscribe(listener: (notice: Notice) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#client?.end().catch(() => undefined);
    await this.#loop;
  }

  async #listen(): Promise<void> {
    while (!this.#closed) {
      const client = this.#database.connection();
      this.#client = client;
      const ended = new Promise<void>((resolve) => {
        client.on('end', resolve);
        client.on('error', () => resolve());
      });
      client.on('notification', ({ payload }) => this.#hear(payload));
      try {
        await client.connect();
        await client.query(`LISTEN ${CHANNEL}`);
        this.#say({ about: 'any' });
        await ended;
      } catch {
        // The server is away: it is tried again.
      }
      await client.end().catch(() => undefined);
      if (!this.#closed) await sleep(PAUSE_MS);
    }
  }

  #hear(payload: string | undefined): void {
    try {
      this.#say(JSON.parse(payload ?? '') as Notice);
    } catch {
      // Of another version.
      this.#say({ about: 'any' });
    }
  }

  #say(notice: Notice): void {
    for (const listener of this.#listeners) listener(notice);
  }
}
