/** What servers remember, as the embedded database has it. Times are milliseconds since 1970. */
import type { SchemaMigration } from './schema-migration.ts';

/** `stored` keeps sums, so that no acknowledgement has to add up chunks; the client without a name stands for all of them. */
export const RECORDS: SchemaMigration = {
  name: '0002-records',
  oldestReader: 2,
  sql: `
    CREATE TABLE clients (
      client_id text COLLATE "C" PRIMARY KEY, token_hash text COLLATE "C" NOT NULL UNIQUE, token_expires_at bigint NOT NULL,
      public_key text, certificate_subject text, created_at bigint NOT NULL);
    CREATE TABLE invitations (
      code_hash text COLLATE "C" PRIMARY KEY, client_id text COLLATE "C", expires_at bigint NOT NULL, taken_by text);
    CREATE TABLE nonces (
      client_id text COLLATE "C" NOT NULL, nonce text COLLATE "C" NOT NULL, expires_at bigint NOT NULL, taken_by text NOT NULL,
      PRIMARY KEY (client_id, nonce));
    CREATE INDEX nonces_by_expiry ON nonces (expires_at);
    CREATE UNLOGGED TABLE rates (
      name text COLLATE "C" PRIMARY KEY, tokens double precision NOT NULL, at timestamptz NOT NULL);
    CREATE INDEX rates_by_age ON rates (at);
    CREATE TABLE key_sets (
      client_id text COLLATE "C" NOT NULL, key_ref text COLLATE "C" NOT NULL, algorithm_id text NOT NULL, model text NOT NULL,
      files jsonb NOT NULL, state text NOT NULL, rejection text, created_at bigint NOT NULL, activated_at bigint,
      expires_at bigint NOT NULL, PRIMARY KEY (client_id, key_ref));
    CREATE INDEX key_sets_by_expiry ON key_sets (expires_at);
    CREATE TABLE uploads (
      client_id text COLLATE "C" NOT NULL, kind text NOT NULL, owner_id text COLLATE "C" NOT NULL, file_name text COLLATE "C" NOT NULL,
      total_chunks integer NOT NULL, received_chunks integer NOT NULL DEFAULT 0, received_bytes bigint NOT NULL DEFAULT 0,
      PRIMARY KEY (client_id, kind, owner_id, file_name));
    CREATE TABLE chunks (
      client_id text COLLATE "C" NOT NULL, kind text NOT NULL, owner_id text COLLATE "C" NOT NULL, file_name text COLLATE "C" NOT NULL,
      chunk_index integer NOT NULL, bytes bigint NOT NULL, sha256 text NOT NULL,
      PRIMARY KEY (client_id, kind, owner_id, file_name, chunk_index));
    CREATE TABLE stored (client_id text COLLATE "C" PRIMARY KEY, bytes bigint NOT NULL);
    CREATE TABLE sessions (
      client_id text COLLATE "C" NOT NULL, session_id text COLLATE "C" NOT NULL, state text NOT NULL, model text, key_ref text,
      omp_threads integer, created_at bigint NOT NULL, expires_at bigint NOT NULL, queued_at bigint, outcome jsonb,
      updated_at bigint NOT NULL, PRIMARY KEY (client_id, session_id));
    CREATE INDEX sessions_by_queue ON sessions (client_id, queued_at, session_id);
    CREATE INDEX sessions_by_expiry ON sessions (expires_at);
    CREATE INDEX sessions_unfinished ON sessions (queued_at) WHERE state IN ('queued', 'running');`,
};
