/** Rows of jobs ↔ jobs. */
import type { Job, JobKind, JobName, JobProgress } from '../evaluation-queue.ts';
import type { PostgresClient, PostgresRow } from './postgres-client.ts';

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

/** So many more, or fewer, of a client's jobs wait and run: what turns are told by. */
export async function countJobs(
  client: PostgresClient,
  { kind, clientId }: Pick<JobName, 'kind' | 'clientId'>,
  { waiting, running }: { readonly waiting: number; readonly running: number },
): Promise<void> {
  await client.run(
    'UPDATE turns SET waiting = waiting + $3, running = running + $4 WHERE kind = $1 AND client_id = $2',
    ...[kind, clientId, waiting, running],
  );
}
