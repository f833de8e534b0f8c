/** What statements are run on: one connection of PostgreSQL, in or outside of a transaction. */
import type { ClientBase } from 'pg';

export type PostgresRow = Readonly<Record<string, unknown>>;

/** Of values, byte strings go as `Buffer`; `bigint` columns come as strings, as they may exceed what a number holds. */
export interface PostgresClient {
  /** The first row. */
  get(sql: string, ...values: readonly unknown[]): Promise<PostgresRow | null>;
  all(sql: string, ...values: readonly unknown[]): Promise<PostgresRow[]>;
  /** Rows changed. */
  run(sql: string, ...values: readonly unknown[]): Promise<number>;
}

/** @throws what `pg` throws, so that whoever holds the connection can tell whether to begin anew */
export function clientOn(connection: ClientBase): PostgresClient {
  return {
    get: async (sql, ...values) => (await connection.query<PostgresRow>(sql, [...values])).rows[0] ?? null,
    all: async (sql, ...values) => (await connection.query<PostgresRow>(sql, [...values])).rows,
    run: async (sql, ...values) => (await connection.query(sql, [...values])).rowCount ?? 0,
  };
}
