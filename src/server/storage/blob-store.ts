/** Bytes under names, as an object store has them. Keys are paths of `[a-zA-Z0-9_.-]` segments; values never change. */

/** Says how another process on the same machine opens a store of files. Plain data. */
export type BlobStoreLocation = { readonly kind: 'files'; readonly root: string };

export interface BlobStore {
  /**
   * Durable and whole when the promise resolves; a crash before leaves nothing under the name. The same bytes may be put again.
   * @throws BackendError STORAGE_FULL
   */
  put(key: string, pieces: readonly Uint8Array[]): Promise<void>;
  /** @throws InternalError if there is nothing under the name */
  get(key: string): Promise<Uint8Array>;
  /**
   * `length` bytes from `start` on.
   * @throws InternalError if there are not so many, or nothing under the name
   */
  getRange(key: string, start: number, length: number): Promise<Uint8Array>;
  /**
   * Its bytes.
   * @throws InternalError if there is nothing under the name
   */
  size(key: string): Promise<number>;
  has(key: string): Promise<boolean>;
  /** Also where there is nothing under the name. */
  delete(key: string): Promise<void>;
  /** All keys below a prefix that ends at a segment, and the key that is the prefix. */
  deleteAll(prefix: string): Promise<void>;
  /** Names directly below a prefix, sorted: of blobs, and of prefixes that blobs are below. Each once. */
  list(prefix: string): Promise<string[]>;
}
