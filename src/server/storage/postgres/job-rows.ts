/** Rows of jobs ↔ jobs. */
import type { Job, JobKind, JobName, JobProgress } from '../evaluation-queue.ts';
import type { PostgresRow } from './postgres-client.ts';

/** The first three parameters name a job. */
export const THIS_JOB = 'client_id = $1 AND kind = $2 AND id = $3';

export function nameValues({ clientId, kind, id }: JobName): [string, string, string] {
  return [clientId, kind, id];
}

export function jobOf(row: PostgresRow): Job {
  return {
    kind: row['kind'] as JobKind,
    clientId: row['client_id'] as string,
    id: row['id'] as string,
    keyRef: row['key_ref'] as string,
    artifact: row['artifact'] as string,
    affinity: row['affinity'] as string,
    costSeconds: Number(row['cost_seconds']),
  };
}

/** Null before it has begun. */
export function progressOf(row: PostgresRow): JobProgress | null {
  if (row['fraction'] === null) return null;
  return {
    fraction: Number(row['fraction']),
    message: row['message'] as string,
    activity: row['activity'] as string,
  };
}
