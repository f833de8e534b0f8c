/** What is synced after its commit: when that is done, how often, and that nothing is answered before. */
import { mkdtemp, rm } from 'node:fs/promises';
import type * as Files from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Database } from './sqlite-database.ts';
import { FileSync } from './file-sync.ts';
import { SqliteMetadataStore } from './sqlite-metadata-store.ts';

/** Each sync that was begun, in order; the test ends it. */
const syncs = vi.hoisted<{ path: string; end: (error?: Error) => void }[]>(() => []);
vi.mock('node:fs/promises', async (original) => {
  const files = await original<typeof Files>();
  const datasync = (path: string) =>
    new Promise<void>((resolve, reject) => {
      syncs.push({ path, end: (error) => (error === undefined ? resolve() : reject(error)) });
    });
  const open = (path: string) =>
    Promise.resolve({ datasync: () => datasync(path), close: () => Promise.resolve() });
  return { ...files, open };
});

let folder: string;
beforeEach(async () => {
  syncs.length = 0;
  folder = await mkdtemp(join(tmpdir(), 'he-compile-settling-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Whether it has resolved, asked later. */
function watch(promise: Promise<void>): () => Promise<string> {
  let state = 'waits';
  promise.then(
    () => (state = 'settled'),
    (error: Error) => (state = error.message),
  );
  return async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return state;
  };
}

describe('a file', () => {
  it('that nobody wrote is settled, and one that was written is synced once for all who wait', async () => {
    const file = new FileSync('f');
    await file.settled();
    expect(syncs).toEqual([]);
    file.wrote();
    const [first, second] = [watch(file.settled()), watch(file.settled())];
    expect(await first()).toBe('waits');
    expect(syncs).toMatchObject([{ path: 'f' }]);
    syncs[0]!.end();
    expect([await first(), await second()]).toEqual(['settled', 'settled']);
    await file.settled();
    expect(syncs).toHaveLength(1);
  });

  it('that is written while it is being synced is synced again, for those who wrote then', async () => {
    const file = new FileSync('f');
    file.wrote();
    const first = watch(file.settled());
    expect(await first()).toBe('waits');
    // It was written before the sync began: whoever asks only now waits for that one.
    const late = watch(file.settled());
    file.wrote();
    const next = [watch(file.settled()), watch(file.settled())];
    expect(await late()).toBe('waits');
    syncs[0]!.end();
    expect([await first(), await late(), await next[0]!()]).toEqual(['settled', 'settled', 'waits']);
    expect(syncs).toHaveLength(2);
    syncs[1]!.end();
    expect([await next[0]!(), await next[1]!()]).toEqual(['settled', 'settled']);
  });

  it('that cannot be synced is not settled, and is tried again', async () => {
    const file = new FileSync('f');
    file.wrote();
    const first = watch(file.settled());
    await first();
    syncs[0]!.end(new Error('no disk'));
    expect(await first()).toBe('no disk');
    const second = watch(file.settled());
    expect(await second()).toBe('waits');
    syncs[1]!.end();
    expect(await second()).toBe('settled');
  });
});

describe('the database', () => {
  it('syncs its log for nonces, and not when a commit did', async () => {
    const file = join(folder, 'server.db');
    const store = await SqliteMetadataStore.open(file);
    expect(await store.addNonce('c', 'n', 1)).toBe(true);
    expect(await store.addNonce('c', 'n', 1)).toBe(false);
    const settled = watch(store.settled());
    expect(await settled()).toBe('waits');
    expect(syncs).toMatchObject([{ path: `${file}-wal` }]);
    syncs[0]!.end();
    expect(await settled()).toBe('settled');
    await store.addNonce('c', 'm', 1);
    await store.putInvitation({ codeHash: 'h', clientId: null, expiresAt: 1 });
    await store.settled();
    expect(syncs).toHaveLength(1);
    await store[Symbol.asyncDispose]();
  });

  it('counts as commits only those that change something', async () => {
    using database = await Database.open(join(folder, 'x.db'));
    const remove = (): number => database.run("DELETE FROM clients WHERE client_id = 'nobody'");
    for (const idle of [remove, () => database.transaction(remove), () => database.transaction(() => 0)]) {
      database.runUnsynced('INSERT OR REPLACE INTO invitations VALUES (?, ?, ?)', 'h', null, 1);
      idle();
      const settled = watch(database.settled());
      expect(await settled()).toBe('waits');
      syncs.at(-1)!.end();
      expect(await settled()).toBe('settled');
    }
    database.runUnsynced('INSERT OR REPLACE INTO invitations VALUES (?, ?, ?)', 'i', null, 1);
    database.transaction(() => database.run('DELETE FROM invitations'));
    await database.settled();
    expect(syncs).toHaveLength(3);
  });

  it('syncs at every other commit again', async () => {
    using database = await Database.open(join(folder, 'x.db'));
    const level = (): unknown => database.get('PRAGMA synchronous')?.['synchronous'];
    expect(level()).toBe(2);
    database.runUnsynced('INSERT INTO invitations VALUES (?, ?, ?)', 'h', null, 1);
    expect(() => database.runUnsynced('INSERT INTO invitations VALUES (?, ?, ?)', 'h', null, 1)).toThrow();
    expect(level()).toBe(2);
  });
});
