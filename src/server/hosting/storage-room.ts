/**
 * What may still be stored: within a quota of all clients, and of the disk only so much that records, results and discards have room.
 * No client may have more than its share of a small disk, or it would lock the others out.
 */
import { ToolError } from '../protocol/error-codes.ts';
import type { Ballast } from '../storage/ballast.ts';
import { diskSpace } from '../storage/disk-space.ts';
import type { MetadataStore } from '../storage/metadata-store.ts';

export interface StorageLimits {
  /** Chunks of all clients. */
  readonly storedBytes: number;
  /** Of the disk, what is never taken for chunks; of a small disk no more than a tenth. */
  readonly reservedBytes: number;
  /** Of what can be stored here, the most that one client may have. */
  readonly clientShare: number;
}

const RETRY_MS = 5000;
const RESERVED_SHARE = 0.1;

export class StorageRoom {
  readonly #store: MetadataStore;
  readonly #folder: string | null;
  readonly #limits: StorageLimits;
  readonly #ballast: Pick<Ballast, 'missingBytes'>;
  /** Bytes on their way to the disk. */
  #held = 0;

  /** @param folder on whose disk it is; null: on none of ours */
  constructor(
    store: MetadataStore,
    folder: string | null,
    limits: StorageLimits,
    ballast: Pick<Ballast, 'missingBytes'>,
  ) {
    this.#ballast = ballast;
    this.#store = store;
    this.#folder = folder;
    this.#limits = limits;
  }

  /** Nothing more is stored until there is room. */
  get full(): boolean {
    return this.#free() <= 0;
  }

  /**
   * Until it is disposed of, the bytes count as stored.
   * @throws ToolError ERROR_STORAGE_FULL, or ERROR_QUOTA_EXCEEDED for more than the client's share
   */
  async hold(clientId: string, bytes: number): Promise<Disposable> {
    const stored = await this.#store.storedBytes();
    const own = await this.#store.stagedBytes(clientId);
    // From here on at once, so that nothing is held in between.
    const free = Math.min(this.#free(), this.#limits.storedBytes - stored - this.#held);
    if (bytes > free) {
      throw new ToolError('ERROR_STORAGE_FULL', 'there is no room for this now', { retryAfterMs: RETRY_MS });
    }
    const share = Math.floor(this.#limits.clientShare * (stored + this.#held + free));
    if (own + bytes > share) {
      throw new ToolError(
        'ERROR_QUOTA_EXCEEDED',
        `more than this client’s share of the storage, ${share} bytes`,
      );
    }
    this.#held += bytes;
    let left = bytes;
    return {
      [Symbol.dispose]: () => {
        this.#held -= left;
        left = 0;
      },
    };
  }

  /** Of the disk, without what is reserved, for ballast too, and what is on its way. */
  #free(): number {
    if (this.#folder === null) return Infinity;
    const { free, total } = diskSpace(this.#folder);
    return (
      free -
      this.#held -
      this.#ballast.missingBytes -
      Math.min(this.#limits.reservedBytes, RESERVED_SHARE * total)
    );
  }
}
