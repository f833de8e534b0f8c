/** Notes each end of each session in the database of a cluster, and tells at last whether each has ended once and nothing is left to do. */
import { expect } from 'vitest';
import type { PostgresDatabase } from '../storage/postgres/postgres-database.ts';
import type { InsistentClient, SessionPlan } from './insistent-client.ts';

const STATEMENTS = [
  'CREATE TABLE ends (client_id text, session_id text)',
  `CREATE FUNCTION note_end() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN INSERT INTO ends VALUES (NEW.client_id, NEW.session_id); RETURN NEW; END $$`,
  `CREATE TRIGGER note_end AFTER UPDATE ON sessions FOR EACH ROW
     WHEN (NEW.outcome IS DISTINCT FROM OLD.outcome) EXECUTE FUNCTION note_end()`,
];

export interface EndedSession {
  readonly client: InsistentClient;
  readonly plan: SessionPlan;
  readonly keyRef: string;
}

export class EndedSessions {
  readonly #database: PostgresDatabase;
  readonly #all: EndedSession[] = [];

  static async watch(database: PostgresDatabase): Promise<EndedSessions> {
    for (const sql of STATEMENTS) await database.run(sql);
    return new EndedSessions(database);
  }

  private constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  get count(): number {
    return this.#all.length;
  }

  add(session: EndedSession): void {
    this.#all.push(session);
  }

  /** All that was acknowledged is there, every session has ended once, and nothing waits, runs or is held against anybody. */
  async expectOnceEach(): Promise<void> {
    for (const { client, plan, keyRef } of this.#all) {
      await client.verify(plan, keyRef);
      await client.close();
    }
    const rows = await this.#database.all(
      `SELECT client_id, count(*) AS n FROM ends WHERE session_id = 'session' GROUP BY client_id`,
    );
    const ends = new Map(rows.map(({ client_id, n }) => [client_id as string, Number(n)]));
    for (const { client } of this.#all) expect(ends.get(client.name), client.name).toBe(1);
    expect(ends.size).toBe(this.#all.length);
    const none = async (sql: string): Promise<void> => expect(await this.#database.all(sql)).toEqual([]);
    await none(`SELECT * FROM jobs WHERE state <> 'ended'`);
    await none('SELECT * FROM turns WHERE waiting <> 0 OR running <> 0');
    await none('SELECT * FROM crashes');
  }
}
