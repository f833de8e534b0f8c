/** The queue: jobs, whose turn it is, who works, and what has crashed too often. */
import type { SchemaMigration } from './schema-migration.ts';

/**
 * A claim looks at `turns`, one row for each client with jobs of a kind, and then at one client's jobs in order: what it costs does not grow with
 * how many wait. Epochs come from one sequence, so that no two claims ever have the same.
 */
export const JOBS: SchemaMigration = {
  name: '0003-jobs',
  oldestReader: 3,
  sql: `
    CREATE SEQUENCE job_epochs;
    CREATE TABLE jobs (
      kind text NOT NULL, client_id text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL,
      key_ref text NOT NULL, artifact text NOT NULL, affinity text NOT NULL, cost_seconds double precision NOT NULL,
      state text NOT NULL CHECK (state IN ('queued', 'running', 'ended')),
      place bigint GENERATED ALWAYS AS IDENTITY,
      ready_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      worker text, lease_until timestamptz, epoch bigint NOT NULL DEFAULT 0, losses integer NOT NULL DEFAULT 0,
      cancelled boolean NOT NULL DEFAULT false,
      waiters integer NOT NULL DEFAULT 0, detached boolean NOT NULL DEFAULT false,
      fraction double precision, message text, activity text,
      failure_code text, failure_message text, ended_at timestamptz,
      PRIMARY KEY (client_id, kind, id));
    CREATE INDEX jobs_that_wait ON jobs (kind, client_id, place) WHERE state = 'queued';
    CREATE INDEX jobs_by_age ON jobs (ready_at) WHERE state = 'queued';
    CREATE INDEX jobs_by_lease ON jobs (lease_until) WHERE state = 'running';
    CREATE INDEX jobs_by_end ON jobs (ended_at) WHERE state = 'ended';
    CREATE TABLE turns (
      kind text NOT NULL, client_id text COLLATE "C" NOT NULL,
      waiting integer NOT NULL DEFAULT 0, running integer NOT NULL DEFAULT 0,
      served_at timestamptz NOT NULL DEFAULT '-infinity',
      row_length integer NOT NULL DEFAULT 0, row_since timestamptz,
      PRIMARY KEY (kind, client_id));
    CREATE INDEX turns_in_order ON turns (kind, running, served_at) WHERE waiting > 0;
    CREATE TABLE workers (
      name text PRIMARY KEY, seen_at timestamptz NOT NULL, warm text[] NOT NULL DEFAULT '{}');
    CREATE TABLE crashes (
      affinity text PRIMARY KEY, count integer NOT NULL, last_at timestamptz NOT NULL);`,
};
