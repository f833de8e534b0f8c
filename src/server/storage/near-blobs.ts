/** Blobs where evaluation processes, which know no store and no password, can read and write them: in a folder of this machine. */
import type { BlobStoreLocation } from './blob-store.ts';

export interface NamedBlob {
  readonly key: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

export interface NearBlobs {
  readonly location: BlobStoreLocation;
  /** Until it is disposed of, these blobs are there. @throws ToolError ERROR_CANCELLED; BackendError */
  bring(blobs: readonly NamedBlob[], signal: AbortSignal): Promise<Disposable>;
  /** What a process wrote is where everybody finds it from now on. */
  publish(key: string): Promise<void>;
}

/** Of a store that is such a folder itself. */
export function blobsAtHand(location: BlobStoreLocation): NearBlobs {
  return {
    location,
    bring: async () => ({ [Symbol.dispose]: () => undefined }),
    publish: async () => undefined,
  };
}
