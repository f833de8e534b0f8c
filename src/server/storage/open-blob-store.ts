/** A blob store by its location: what another process was told of it. */
import type { BlobStore, BlobStoreLocation } from './blob-store.ts';
import { FileBlobStore } from './file-blob-store.ts';

export type AnyBlobStoreLocation = BlobStoreLocation;

/** Loads only what the location takes. What a process that has died left half-written is not touched. */
export async function openBlobStore(
  location: AnyBlobStoreLocation,
): Promise<BlobStore<AnyBlobStoreLocation>> {
  return new FileBlobStore(location.root);
}
