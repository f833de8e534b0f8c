/**
 * Which versions of this program may work on a database. A version of the program knows so many migrations; the schema's version is
 * the number of those that were run, by whichever program.
 *
 * Old and new programs run side by side while servers are upgraded, so the schema may be newer than a program knows. Each migration
 * says how old a program may be that still works on the schema after it (`oldestReader`, itself the number of a migration):
 *
 *   - additive migrations (new tables, new columns with a default, new indices) leave it as it was before them;
 *   - a migration that takes away or changes what older programs use says its own number. It comes no earlier than one release after
 *     the one whose programs no longer use it: first expand, then contract.
 *
 * A program refuses a schema whose `oldestReader` is beyond what it knows, when it opens the database and whenever it is asked
 * (readiness), so that one that runs on while the schema is contracted stops taking work.
 */
import { BackendError } from '../../../errors.ts';
import type { PostgresClient } from './postgres-client.ts';

export interface SchemaState {
  /** Migrations that were run; 0 for an empty database. */
  readonly version: number;
  /** Migrations that a program must know to work on it. */
  readonly oldestReader: number;
}

/** One row; there is no table before the first migration. */
export const SCHEMA_STATE_TABLE = `
  CREATE TABLE IF NOT EXISTS schema_state (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    version integer NOT NULL, oldest_reader integer NOT NULL);`;

/** SQL that says what the schema has become. */
export function schemaStateBecomes({ version, oldestReader }: SchemaState): string {
  return `
    INSERT INTO schema_state (version, oldest_reader) VALUES (${version}, ${oldestReader})
    ON CONFLICT (one) DO UPDATE SET version = EXCLUDED.version, oldest_reader = EXCLUDED.oldest_reader;`;
}

export async function schemaState(client: Pick<PostgresClient, 'get'>): Promise<SchemaState> {
  const table = await client.get(`SELECT to_regclass('schema_state') IS NOT NULL AS there`);
  if (table?.['there'] !== true) return { version: 0, oldestReader: 0 };
  const row = await client.get('SELECT version, oldest_reader FROM schema_state');
  return { version: Number(row?.['version'] ?? 0), oldestReader: Number(row?.['oldest_reader'] ?? 0) };
}

/** @param known migrations of this program @throws BackendError DATABASE_UNSUPPORTED */
export function checkSchema({ version, oldestReader }: SchemaState, known: number): void {
  if (oldestReader > known) {
    throw new BackendError('DATABASE_UNSUPPORTED', 'the database was made by a newer version of he-compile', {
      hint: `its schema ${version} needs a version that knows schema ${oldestReader}; this one knows ${known}`,
    });
  }
  if (version < known) {
    throw new BackendError(
      'DATABASE_UNSUPPORTED',
      'the schema of the database is older than this version of he-compile',
      {
        hint: 'start one server with a role that may create tables; it brings the schema forward',
      },
    );
  }
}
