/** Where the processes of a cluster meet: one database, one store of blobs. */
import { UsageError } from '../../../errors.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { FileBlobStore } from '../../storage/file-blob-store.ts';
import { PostgresBlobStore } from '../../storage/postgres/postgres-blob-store.ts';
import { PostgresDatabase } from '../../storage/postgres/postgres-database.ts';
import { PostgresMetadataStore } from '../../storage/postgres/postgres-metadata-store.ts';
import { PostgresNotices } from '../../storage/postgres/postgres-notices.ts';
import { isS3Address } from '../../storage/s3/s3-address.ts';
import { S3BlobStore } from '../../storage/s3/s3-blob-store.ts';

export interface ClusterAddresses {
  /** postgres://… */
  readonly database: string;
  /** `postgres`: the database; s3://…; or a folder that all machines share */
  readonly blobs: string;
}

export interface ClusterStores extends AsyncDisposable {
  readonly database: PostgresDatabase;
  readonly notices: PostgresNotices;
  readonly records: PostgresMetadataStore;
  readonly blobs: BlobStore;
}

/** @throws UsageError, BackendError as the stores do */
export async function openClusterStores(
  { database: address, blobs }: ClusterAddresses,
  migrate: boolean,
): Promise<ClusterStores> {
  await using opened = new AsyncDisposableStack();
  const database = opened.use(await PostgresDatabase.open(address, { migrate }));
  const notices = opened.use(new PostgresNotices(database));
  const records = opened.use(new PostgresMetadataStore(database));
  const store = await openBlobs(blobs, database, opened);
  const all = opened.move();
  return { database, notices, records, blobs: store, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** @param opened where what has to be closed is noted */
async function openBlobs(
  address: string,
  database: PostgresDatabase,
  opened: AsyncDisposableStack,
): Promise<BlobStore> {
  if (address === 'postgres') return new PostgresBlobStore(database);
  if (isS3Address(address)) return opened.use(await S3BlobStore.open(address));
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(address))
    throw new UsageError('USAGE', 'blobs lie in S3, in postgres, or in a folder that all machines share', {
      hint: 'for example --blobs s3://bucket?endpoint=https://s3.example, or --blobs postgres',
    });
  return FileBlobStore.open(address);
}
