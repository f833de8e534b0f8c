/**
 * One server for one state folder: a lock that the operating system lets go when the process ends, however it ends. SQLite's
 * file locks are the portable way to get one.
 */
import { join } from 'node:path';
import { BackendError } from '../../errors.ts';
import { importSqlite } from './import-sqlite.ts';

/** @throws BackendError STATE_IN_USE */
export async function lockState(folder: string): Promise<Disposable> {
  const { DatabaseSync } = await importSqlite();
  const database = new DatabaseSync(join(folder, 'lock.db'), { timeout: 0 });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    throw new BackendError('STATE_IN_USE', `another server uses ${folder}`, {
      hint: 'stop it, or give this one a folder of its own with --state',
      cause,
    });
  }
  return { [Symbol.dispose]: () => database.close() };
}
