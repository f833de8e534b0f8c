/** Stores on a disk without room: what they say, that nothing is half done, and what ballast is for. */
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Ballast, BALLAST_BYTES } from './ballast.ts';
import { diskSpace, isDiskFull } from './disk-space.ts';
import { FileBlobStore } from './file-blob-store.ts';
import { importSqlite } from './import-sqlite.ts';
import type { UploadOwner } from './records.ts';
import { Database } from './sqlite-database.ts';
import { SqliteMetadataStore } from './sqlite-metadata-store.ts';

vi.mock('node:fs/promises', { spy: true });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-full-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

const OWNER: UploadOwner = { clientId: 'c', kind: 'session', id: 's' };
const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });

describe('a database on a full disk', () => {
  /** SQLite says the same of a file that may not grow. */
  const bound = (db: Database, pages: number): void => void db.get(`PRAGMA max_page_count = ${pages}`);
  const insert = (db: Database, name: string): number =>
    db.run('INSERT INTO nonces VALUES (?, ?, ?)', name, 'x'.repeat(3000), 0);
  const count = (db: Database): unknown => db.get('SELECT count(*) AS n FROM nonces')?.['n'];

  it('says so, and keeps what it has', async () => {
    using db = await Database.open(join(folder, 'a.db'));
    bound(db, 40);
    let taken = 0;
    const fill = (): void => {
      for (; taken < 1000; taken++) insert(db, `${taken}`);
    };
    expect(fill).toThrow(expect.objectContaining({ code: 'STORAGE_FULL' }));
    expect(taken).toBeGreaterThan(0);
    const halves = (): void =>
      db.transaction(() => {
        db.run('DELETE FROM nonces WHERE client_id = ?', '0');
        for (let i = 0; i < 10; i++) insert(db, `half ${i}`);
      });
    expect(halves).toThrow(expect.objectContaining({ code: 'STORAGE_FULL' }));
    expect(count(db)).toBe(taken);
    expect(db.run('DELETE FROM nonces')).toBe(taken);
    expect(insert(db, 'again')).toBe(1);
  });

  it('asks for room once, and goes on with it', async () => {
    let rooms = 1;
    const makeRoom = vi.fn(() => {
      if (rooms === 0) return false;
      rooms--;
      bound(db, 60);
      return true;
    });
    using db = await Database.open(join(folder, 'b.db'), makeRoom);
    bound(db, 40);
    let taken = 0;
    const fill = (): void => {
      for (; taken < 1000; taken++) db.transaction(() => insert(db, `${taken}`));
    };
    expect(fill).toThrow(expect.objectContaining({ code: 'STORAGE_FULL' }));
    expect(makeRoom).toHaveBeenCalledTimes(2);
    expect(count(db)).toBe(taken);
  });
});

describe('what is stored', () => {
  it('is added up as it comes and goes, for each client and for all', async () => {
    await using store = await SqliteMetadataStore.open(':memory:');
    const put = async (owner: UploadOwner, index: number, bytes: number): Promise<void> => {
      await store.beginUpload({ owner, fileName: 'f', totalChunks: 3 });
      await store.putChunk(owner, 'f', { index, bytes, sha256: '0' });
    };
    await put(OWNER, 0, 10);
    await put(OWNER, 2, 20);
    // The same chunk is there once.
    await put(OWNER, 2, 20);
    await put({ ...OWNER, id: 't' }, 0, 5);
    await put({ ...OWNER, clientId: 'd' }, 0, 100);
    const sums = async (): Promise<number[]> => [
      await store.stagedBytes('c', OWNER),
      await store.stagedBytes('c'),
      await store.stagedBytes('d'),
      await store.storedBytes(),
    ];
    expect(await sums()).toEqual([30, 35, 100, 135]);
    expect(await store.upload(OWNER, 'f')).toMatchObject({ receivedChunks: 2, receivedBytes: 30 });
    await store.deleteUploads(OWNER);
    await store.deleteUploads(OWNER);
    expect(await sums()).toEqual([0, 5, 100, 105]);
    expect(await store.stagedBytes('nobody')).toBe(0);
  });

  it('is added up of what a database of the first version has', async () => {
    const file = join(folder, 'old.db');
    const { DatabaseSync } = await importSqlite();
    const old = new DatabaseSync(file);
    old.exec(`
      CREATE TABLE uploads (client_id TEXT NOT NULL, kind TEXT NOT NULL, owner_id TEXT NOT NULL, file_name TEXT NOT NULL,
        total_chunks INTEGER NOT NULL, PRIMARY KEY (client_id, kind, owner_id, file_name)) STRICT;
      CREATE TABLE chunks (client_id TEXT NOT NULL, kind TEXT NOT NULL, owner_id TEXT NOT NULL, file_name TEXT NOT NULL,
        chunk_index INTEGER NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
        PRIMARY KEY (client_id, kind, owner_id, file_name, chunk_index)) STRICT, WITHOUT ROWID;
      CREATE TABLE sessions (client_id TEXT NOT NULL, session_id TEXT NOT NULL, state TEXT NOT NULL, model TEXT, key_ref TEXT,
        omp_threads INTEGER, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, queued_at INTEGER, outcome TEXT,
        PRIMARY KEY (client_id, session_id)) STRICT;
      INSERT INTO sessions VALUES ('c', 's', 'staging', NULL, NULL, NULL, 17, 1000, NULL, NULL);
      INSERT INTO uploads VALUES ('c', 'session', 's', 'f', 3), ('c', 'session', 's', 'empty', 1);
      INSERT INTO chunks VALUES ('c', 'session', 's', 'f', 0, 10, '0'), ('c', 'session', 's', 'f', 1, 20, '0'),
        ('d', 'keys', 'k', 'g', 0, 5, '0');
      PRAGMA user_version = 1;`);
    old.close();
    await using store = await SqliteMetadataStore.open(file);
    expect(await store.upload(OWNER, 'f')).toMatchObject({ receivedChunks: 2, receivedBytes: 30 });
    expect(await store.session('c', 's')).toMatchObject({ createdAt: 17, updatedAt: 17, expiresAt: 1000 });
    expect(await store.upload(OWNER, 'empty')).toMatchObject({ receivedChunks: 0, receivedBytes: 0 });
    expect([await store.stagedBytes('c'), await store.stagedBytes('d'), await store.storedBytes()]).toEqual([
      30, 5, 35,
    ]);
  });
});

it('a blob that finds no room leaves nothing, and the store says so', async () => {
  const blobs = await FileBlobStore.open(folder);
  vi.mocked(fs.rename).mockRejectedValueOnce(full);
  await expect(blobs.put('a/b', [Buffer.from('x')])).rejects.toMatchObject({ code: 'STORAGE_FULL' });
  expect(await blobs.has('a/b')).toBe(false);
  expect(await fs.readdir(join(folder, 'a'))).toEqual([]);
  vi.mocked(fs.mkdir).mockRejectedValueOnce(full);
  await expect(blobs.put('c/d', [])).rejects.toMatchObject({ code: 'STORAGE_FULL' });
  vi.mocked(fs.rename).mockRejectedValueOnce(new Error('other'));
  await expect(blobs.put('a/b', [])).rejects.toThrow('other');
});

describe('ballast', () => {
  it('is whole or not there, and is thrown off once', async () => {
    const ballast = new Ballast(folder);
    expect([ballast.aboard, ballast.throwOff()]).toEqual([false, false]);
    await ballast.takeAboard();
    expect((await stat(join(folder, 'ballast'))).size).toBe(BALLAST_BYTES);
    const { free } = diskSpace(folder);
    expect(free).toBeGreaterThan(0);
    expect([ballast.aboard, ballast.throwOff(), ballast.throwOff()]).toEqual([true, true, false]);
    await writeFile(join(folder, 'ballast'), 'too little');
    expect(ballast.throwOff()).toBe(false);
    // What a crash has left of one that was being taken aboard is room, too.
    await writeFile(join(folder, 'ballast.new'), 'stale');
    expect(ballast.throwOff()).toBe(false);
    expect(await readdir(folder)).toEqual([]);
  });

  it('is left ashore where there is no room for it', async () => {
    vi.mocked(fs.open).mockRejectedValueOnce(full);
    const ballast = new Ballast(folder);
    await ballast.takeAboard();
    expect(ballast.aboard).toBe(false);
    const files = await vi.importActual<typeof fs>('node:fs/promises');
    vi.mocked(fs.open).mockImplementationOnce(async (...given) => {
      const file = await files.open(...given);
      vi.spyOn(file, 'sync').mockRejectedValue(full);
      return file;
    });
    await ballast.takeAboard();
    // Nor does it take the room that is left.
    expect(await readdir(folder)).toEqual([]);
    vi.mocked(fs.open).mockRejectedValueOnce(new Error('other'));
    await expect(ballast.takeAboard()).rejects.toThrow('other');
    expect([isDiskFull(full), isDiskFull(new Error('x')), isDiskFull('ENOSPC')]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
