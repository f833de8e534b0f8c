/**
 * A store's blobs on this machine's disk, for as long as there is room: those that were used last stay. What is found there is believed by its
 * SHA-256 alone, so that it may be left over from another process, or be of an upload of the same name.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, stat, utimes } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { InternalError } from '../../errors.ts';
import { ToolError } from '../protocol/error-codes.ts';
import { sha256Of } from '../protocol/identifiers.ts';
import type { BlobStore, BlobStoreLocation } from './blob-store.ts';
import { FileBlobStore } from './file-blob-store.ts';
import type { NamedBlob, NearBlobs } from './near-blobs.ts';

interface Cached {
  bytes: number;
  usedAt: number;
  /** Null: what lies there is not known yet. */
  sha256: string | null;
  pins: number;
  /** While it is fetched, or looked at. */
  coming: Promise<void> | null;
}

/** Fetched at the same time: latency of the store is what most of the time goes into. */
const AT_ONCE = 4;

export class BlobCache implements NearBlobs {
  readonly #folder: string;
  readonly #files: FileBlobStore;
  readonly #store: Pick<BlobStore, 'get' | 'put'>;
  readonly #maxBytes: number;
  readonly #cached = new Map<string, Cached>();
  #bytes = 0;
  #uses = 0;

  /** @param maxBytes of what is not in use; what is in use may exceed it */
  static async open(
    folder: string,
    store: Pick<BlobStore, 'get' | 'put'>,
    maxBytes: number,
  ): Promise<BlobCache> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const cache = new BlobCache(folder, await FileBlobStore.open(folder), store, maxBytes);
    await cache.#takeStock();
    return cache;
  }

  private constructor(
    folder: string,
    files: FileBlobStore,
    store: Pick<BlobStore, 'get' | 'put'>,
    maxBytes: number,
  ) {
    this.#folder = folder;
    this.#files = files;
    this.#store = store;
    this.#maxBytes = maxBytes;
  }

  get location(): BlobStoreLocation {
    return this.#files.location;
  }

  /** Of all that lies there. */
  get bytes(): number {
    return this.#bytes;
  }

  async bring(blobs: readonly NamedBlob[], signal: AbortSignal): Promise<Disposable> {
    const pinned = blobs.map((blob) => this.#pin(blob));
    const release = (): void => {
      for (const cached of pinned.splice(0)) cached.pins--;
      this.#makeRoom().catch(() => undefined);
    };
    try {
      const waiting = [...blobs];
      const fetchNext = async (): Promise<void> => {
        for (let blob = waiting.shift(); blob !== undefined; blob = waiting.shift()) {
          if (signal.aborted) throw new ToolError('ERROR_CANCELLED', 'cancelled while blobs were fetched');
          await this.#have(blob);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, fetchNext));
    } catch (error) {
      release();
      throw error;
    }
    return { [Symbol.dispose]: release };
  }

  async publish(key: string): Promise<void> {
    await this.#store.put(key, [await this.#files.get(key)]);
    await this.#files.delete(key);
  }

  #pin({ key, bytes }: NamedBlob): Cached {
    const cached = this.#cached.get(key) ?? { bytes: 0, usedAt: 0, sha256: null, pins: 0, coming: null };
    this.#cached.set(key, cached);
    cached.pins++;
    cached.usedAt = ++this.#uses;
    if (cached.bytes === 0) {
      cached.bytes = bytes;
      this.#bytes += bytes;
    }
    return cached;
  }

  async #have(blob: NamedBlob): Promise<void> {
    const cached = this.#cached.get(blob.key)!;
    while (cached.sha256 !== blob.sha256) {
      // Whoever wants the same bytes waits for whoever was first.
      cached.coming ??= this.#fetch(blob, cached).finally(() => (cached.coming = null));
      await cached.coming;
    }
  }

  async #fetch({ key, bytes, sha256 }: NamedBlob, cached: Cached): Promise<void> {
    if (cached.sha256 === null) {
      const there = await this.#digest(key);
      if (there === sha256) {
        cached.sha256 = sha256;
        const now = new Date();
        return utimes(join(this.#folder, key), now, now);
      }
    }
    await this.#makeRoom();
    const value = await this.#store.get(key);
    if (value.length !== bytes || sha256Of(value) !== sha256)
      throw new InternalError(`the blob ${key} is not what was stored`);
    await this.#files.put(key, [value]);
    this.#bytes += value.length - cached.bytes;
    cached.bytes = value.length;
    cached.sha256 = sha256;
  }

  /** Null if there is nothing. */
  async #digest(key: string): Promise<string | null> {
    const hash = createHash('sha256');
    try {
      for await (const piece of createReadStream(join(this.#folder, key))) hash.update(piece as Buffer);
    } catch {
      return null;
    }
    return hash.digest('hex');
  }

  async #makeRoom(): Promise<void> {
    if (this.#bytes <= this.#maxBytes) return;
    const idle = [...this.#cached].filter(([, { pins }]) => pins === 0);
    for (const [key, cached] of idle.toSorted(([, a], [, b]) => a.usedAt - b.usedAt)) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#cached.delete(key);
      this.#bytes -= cached.bytes;
      await this.#files.delete(key);
    }
  }

  /** What other processes have left, the oldest first to go. */
  async #takeStock(): Promise<void> {
    const entries = await readdir(this.#folder, { recursive: true, withFileTypes: true });
    const files = await Promise.all(
      entries
        .filter((entry) => entry.isFile())
        .map(async (entry) => {
          const path = join(entry.parentPath, entry.name);
          const { size, mtimeMs } = await stat(path);
          return { key: relative(this.#folder, path).split(sep).join('/'), size, mtimeMs };
        }),
    );
    for (const { key, size } of files.toSorted((a, b) => a.mtimeMs - b.mtimeMs)) {
      this.#cached.set(key, { bytes: size, usedAt: ++this.#uses, sha256: null, pins: 0, coming: null });
      this.#bytes += size;
    }
    await this.#makeRoom();
  }
}
