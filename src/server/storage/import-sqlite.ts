/** Node's own SQLite, which everything but the servers does without. */
import type * as Sqlite from 'node:sqlite';
import { BackendError } from '../../errors.ts';

/** @throws BackendError NODE_TOO_OLD */
export async function importSqlite(): Promise<typeof Sqlite> {
  try {
    return await import('node:sqlite');
  } catch (cause) {
    throw new BackendError(
      'NODE_TOO_OLD',
      `the servers need Node 22.13 or newer, this is ${process.versions.node}`,
      {
        hint: 'install a newer Node',
        cause,
      },
    );
  }
}
