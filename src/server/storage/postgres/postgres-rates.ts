/** Token buckets of all processes on one database. Their table is not logged: after a crash all buckets are full, which harms nobody for long. */
import type { PostgresDatabase } from './postgres-database.ts';

/** Full buckets say nothing, and are removed so often, by whoever takes a token then. */
const SWEEP_MS = 30_000;
/** PostgreSQL's intervals end somewhere. */
const MOST_SECONDS = 1e9;

/** What is in a bucket of $2 tokens at most, to which $3 come in each second, at the time of the statement. */
const LEVEL = `least($2::float8, r.tokens + greatest(0, extract(epoch FROM statement_timestamp() - r.at)) * $3::float8)`;

export class PostgresRates {
  readonly #database: PostgresDatabase;
  readonly #perSecond: number;
  readonly #burst: number;
  #sweptAt = performance.now();

  constructor(database: PostgresDatabase, perSecond: number, burst: number) {
    this.#database = database;
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /**
   * One statement, which changes nothing where there is no token. One that is sent again, since its connection was lost, may take two.
   * @returns 0 if there was a token, which is taken; else for how long to wait, in ms
   */
  async tryTake(name: string): Promise<number> {
    if (performance.now() - this.#sweptAt > SWEEP_MS) {
      this.#sweptAt = performance.now();
      // Nobody waits for it, and the next one comes soon.
      this.sweep().catch(() => undefined);
    }
    const row = await this.#database.get(
      `WITH taken AS (
         INSERT INTO rates AS r (name, tokens, at) VALUES ($1, $2::float8 - 1, statement_timestamp())
         ON CONFLICT (name) DO UPDATE SET tokens = ${LEVEL} - 1, at = greatest(r.at, statement_timestamp())
         WHERE ${LEVEL} >= 1
         RETURNING 0::float8 AS lacking)
       SELECT lacking FROM taken
       UNION ALL SELECT 1 - ${LEVEL} FROM rates AS r WHERE name = $1 AND NOT EXISTS (SELECT FROM taken)`,
      ...[name, this.#burst, this.#perSecond],
    );
    if (row?.['lacking'] === 0) return 0;
    // Of others' changes since the statement began nothing is seen: at most a whole token is lacking, and at least some of one.
    const lacking = Math.min(1, Math.max(0, Number(row?.['lacking'] ?? 1)));
    return Math.max(1, Math.ceil((lacking / this.#perSecond) * 1000));
  }

  /** Removes the buckets that are full again. */
  async sweep(): Promise<void> {
    await this.#database.run(
      'DELETE FROM rates WHERE at < statement_timestamp() - make_interval(secs => $1)',
      Math.min(MOST_SECONDS, this.#burst / this.#perSecond),
    );
  }
}
