/** What another process is told of a store to open it; of tests alone, as it may hold a password. */
import type { BlobStore, BlobStoreLocation } from '../blob-store.ts';
import { FileBlobStore } from '../file-blob-store.ts';
import { PostgresBlobStore } from '../postgres/postgres-blob-store.ts';
import { PostgresDatabase } from '../postgres/postgres-database.ts';
import { S3BlobStore } from '../s3/s3-blob-store.ts';

export type StoreWhereabouts =
  | BlobStoreLocation
  | { readonly kind: 'postgres'; readonly address: string }
  | { readonly kind: 's3'; readonly address: string };

/** Touches nothing of what another process has left half-written. */
export async function openAt(at: StoreWhereabouts): Promise<BlobStore> {
  switch (at.kind) {
    case 'files':
      return new FileBlobStore(at.root);
    case 'postgres':
      return new PostgresBlobStore(await PostgresDatabase.open(at.address, { migrate: false }));
    case 's3':
      return S3BlobStore.open(at.address);
  }
}
