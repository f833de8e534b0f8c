/** Brings a schema forward: by node-pg-migrate, under its advisory lock, all that is missing in one transaction. */
import type { ClientBase } from 'pg';
import { BackendError, HeError } from '../../../errors.ts';
import { optionalPackage } from '../optional-package.ts';
import type { SchemaMigration } from './migrations/schema-migration.ts';
import { clientOn } from './postgres-client.ts';
import { translatePostgresError } from './postgres-errors.ts';
import { SCHEMA_STATE_TABLE, schemaStateBecomes } from './schema-state.ts';

const TABLE = 'schema_migrations';
/** The library looks for files; ours are modules, and this one stands for their list. */
const ALL_OTHERS = '(?!list\\.[jt]s$).*';
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * Waits for whoever else migrates, then runs what is still missing. Tables lie in the first schema of the role's search path.
 * @param client not connected yet; ended when it resolves
 * @throws BackendError DATABASE_REFUSED without the right to create tables, DATABASE_UNSUPPORTED where others ran other migrations
 */
export async function migrate(
  client: ClientBase & { end(): Promise<void> },
  migrations: readonly SchemaMigration[],
): Promise<void> {
  const { runner } = await optionalPackage('node-pg-migrate', 'PostgreSQL', () => import('node-pg-migrate'));
  client.on('error', () => undefined);
  try {
    await client.connect();
    const row = await clientOn(client).get('SELECT current_schema() AS name');
    await runner({
      dbClient: client,
      direction: 'up',
      dir: `${import.meta.dirname}/migrations`,
      ignorePattern: ALL_OTHERS,
      migrationsTable: TABLE,
      migrationsSchema: String(row?.['name']),
      singleTransaction: true,
      checkOrder: true,
      advisoryLockMode: 'wait',
      logger: SILENT,
      migrationLoaderStrategies: [
        {
          extensions: ['.js', '.ts'],
          loader: async ([list = '']) =>
            migrations.map(({ name, sql, oldestReader }, i) => ({
              id: name,
              filePaths: [list],
              actions: {
                up: (builder) =>
                  builder.sql(
                    `${SCHEMA_STATE_TABLE}\n${sql}\n${schemaStateBecomes({ version: i + 1, oldestReader })}`,
                  ),
              },
            })),
        },
      ],
    });
  } catch (error) {
    if (error instanceof Error && /is preceding already run migration/.test(error.message)) {
      throw new BackendError(
        'DATABASE_UNSUPPORTED',
        'the database was made by another version of he-compile',
        {
          hint: 'its migrations are not those of this version, nor of a later one',
        },
      );
    }
    throw error instanceof HeError ? error : translatePostgresError(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}
