/** Blobs as files below one folder that only its owner can enter: written aside, synced, renamed, and the folder synced. */
import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BackendError, InternalError } from '../../errors.ts';
import { checkedKey } from './blob-key.ts';
import type { BlobStore, BlobStoreLocation } from './blob-store.ts';
import { isDiskFull } from './disk-space.ts';

const OWNER_ONLY = 0o700;
const OWNER_FILE = 0o600;
/** What a crash leaves behind begins with this, which no key does. */
const ASIDE = '.aside-';

export class FileBlobStore implements BlobStore {
  readonly #root: string;

  /** Makes the folder and removes what a crash left half-written. */
  static async open(root: string): Promise<FileBlobStore> {
    await mkdir(root, { recursive: true, mode: OWNER_ONLY });
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      if (entry.name.startsWith(ASIDE)) await rm(join(entry.parentPath, entry.name), { force: true });
    }
    return new FileBlobStore(root);
  }

  constructor(root: string) {
    this.#root = root;
  }

  get location(): BlobStoreLocation {
    return { kind: 'files', root: this.#root };
  }

  async put(key: string, pieces: readonly Uint8Array[]): Promise<void> {
    const target = this.#path(key);
    const folder = dirname(target);
    await mkdir(folder, { recursive: true, mode: OWNER_ONLY }).catch((error: unknown) => {
      throw asStorageError(error);
    });
    const aside = join(folder, `${ASIDE}${randomBytes(8).toString('hex')}`);
    try {
      await writeSynced(aside, pieces);
      await rename(aside, target);
      await syncFolder(folder);
    } catch (error) {
      await rm(aside, { force: true });
      throw asStorageError(error);
    }
  }

  async get(key: string): Promise<Uint8Array> {
    const path = this.#path(key);
    try {
      return await readFile(path);
    } catch (cause) {
      throw new InternalError(`the blob ${key} cannot be read`, { cause });
    }
  }

  async getRange(key: string, start: number, length: number): Promise<Uint8Array> {
    const path = this.#path(key);
    try {
      await using file = await open(path, 'r');
      const { size } = await blobFacts(file);
      if (start + length > size) throw new RangeError('it is shorter');
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length;) {
        const { bytesRead } = await file.read(bytes, done, length - done, start + done);
        if (bytesRead === 0) throw new RangeError('it is shorter');
        done += bytesRead;
      }
      return bytes;
    } catch (cause) {
      throw new InternalError(`bytes ${start} to ${start + length} of the blob ${key} cannot be read`, {
        cause,
      });
    }
  }

  async size(key: string): Promise<number> {
    const path = this.#path(key);
    try {
      const { size } = await blobFacts({ stat: () => stat(path) });
      return size;
    } catch (cause) {
      throw new InternalError(`the blob ${key} cannot be read`, { cause });
    }
  }

  async has(key: string): Promise<boolean> {
    const path = this.#path(key);
    try {
      return (await stat(path)).isFile();
    } catch (error) {
      if (isNothing(error)) return false;
      throw error;
    }
  }

  async delete(key: string): Promise<void> {
    await rm(this.#path(key), { force: true });
  }

  async deleteAll(prefix: string): Promise<void> {
    await rm(this.#path(prefix), { force: true, recursive: true });
  }

  async list(prefix: string): Promise<string[]> {
    const entries = await readdir(this.#path(prefix)).catch((error: unknown) => {
      if (isNothing(error)) return [];
      throw error;
    });
    return entries.filter((name) => !name.startsWith(ASIDE)).sort();
  }

  #path(key: string): string {
    return join(this.#root, checkedKey(key));
  }
}

async function writeSynced(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  await using file = await open(path, 'wx', OWNER_FILE);
  for (const piece of pieces) await file.writeFile(piece);
  await file.sync();
}

/** @throws RangeError for a folder: other blobs are below the name, and none under it */
async function blobFacts(at: { stat: () => Promise<Stats> }): Promise<Stats> {
  const facts = await at.stat();
  if (!facts.isFile()) throw new RangeError('it is no blob');
  return facts;
}

/** There is no such folder, or a blob in its place. */
function isNothing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR'].includes(String(error.code));
}

function asStorageError(error: unknown): unknown {
  if (!isDiskFull(error)) return error;
  return new BackendError('STORAGE_FULL', 'there is no room on the disk', {
    hint: 'make room on the disk of the state folder',
    cause: error,
  });
}

/** A rename is durable once its folder is; Windows has no such call. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  await using handle = await open(folder, 'r');
  await handle.sync();
}
