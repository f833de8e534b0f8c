/**
 * Locks between processes, which the operating system lets go when the process ends, however it ends. SQLite's file locks are the
 * portable way to get them.
 */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { BackendError } from '../../errors.ts';
import { importSqlite } from './import-sqlite.ts';

/** https://sqlite.org/rescode.html: somebody else has the lock. */
const BUSY = 5;

/** One server for one state folder. @throws BackendError STATE_IN_USE */
export async function lockState(folder: string): Promise<Disposable> {
  const lock = await tryLock(join(folder, 'lock.db'));
  if (lock !== null) return lock;
  throw new BackendError('STATE_IN_USE', `another server uses ${folder}`, {
    hint: 'stop it, or give this one a folder of its own with --state',
  });
}

/** @param path of a file for nothing else, which is made; null if somebody has the lock, in this process or another */
export async function tryLock(path: string): Promise<Disposable | null> {
  const { DatabaseSync } = await importSqlite();
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    // By its path: opening the file here and closing it again would let go of this process's locks on it.
    chmodSync(path, 0o600);
  } catch (error) {
    database.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === BUSY) return null;
    throw error;
  }
  return { [Symbol.dispose]: () => database.close() };
}
