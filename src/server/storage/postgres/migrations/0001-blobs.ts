/** Blobs, where the database stands for the object store. */
import type { SchemaMigration } from './schema-migration.ts';

/**
 * A blob's rows hold 4 MiB each but for the last. They are stored as they are: ciphertexts do not become smaller, and of what is not
 * compressed parts are read without the rest (https://www.postgresql.org/docs/current/storage-toast.html, EXTERNAL).
 * Keys are ordered by their bytes, so that what is below a prefix is one range of the index.
 */
export const BLOBS: SchemaMigration = {
  name: '0001-blobs',
  oldestReader: 1,
  sql: `
    CREATE TABLE blobs (
      key text COLLATE "C" PRIMARY KEY,
      id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
      size bigint NOT NULL);
    CREATE TABLE blob_rows (
      blob_id bigint NOT NULL REFERENCES blobs (id) ON DELETE CASCADE,
      number integer NOT NULL,
      bytes bytea NOT NULL,
      PRIMARY KEY (blob_id, number));
    ALTER TABLE blob_rows ALTER COLUMN bytes SET STORAGE EXTERNAL;`,
};
