/**
 * Which job a worker gets. Whose keys it has loaded goes on for a few jobs in a row, since loading costs more than a job; else it is the turn of the
 * client with the least jobs running, and of those of whoever was served longest ago. Keys that another worker has loaded are left to that one
 * for as long as it would take to load them here (delay scheduling: Zaharia et al., EuroSys 2010).
 */
import type { JobKind } from '../evaluation-queue.ts';
import type { PostgresClient, PostgresRow } from './postgres-client.ts';

export interface ClaimRules {
  readonly concurrencyPerClient: number;
  readonly quantum: number;
  readonly quantumMs: number;
  readonly leaseMs: number;
  /** A worker that was not heard of for so long is not waited for. */
  readonly workerMs: number;
  /** How long a job is left to whoever has its keys loaded. */
  readonly patienceMs: number;
}

export interface ClaimRequest {
  readonly kind: JobKind;
  readonly worker: string;
  readonly warm: readonly string[];
}

/** Clients that are looked at before a worker comes back later. */
const CANDIDATES = 8;

/** @returns the row of the job, which runs from now on; null if there is none for this worker now */
export async function claimJob(
  client: PostgresClient,
  request: ClaimRequest,
  rules: ClaimRules,
): Promise<PostgresRow | null> {
  const job = (await warmJob(client, request, rules)) ?? (await nextJob(client, request, rules));
  if (job === null) return null;
  const inRow = job['in_row'] === true;
  await client.run(
    `UPDATE turns SET waiting = waiting - 1, running = running + 1, served_at = clock_timestamp(),
       row_length = CASE WHEN $3 THEN row_length + 1 ELSE 1 END,
       row_since = CASE WHEN $3 THEN row_since ELSE clock_timestamp() END
     WHERE kind = $1 AND client_id = $2`,
    ...[request.kind, job['client_id'], inRow],
  );
  return client.get(
    `UPDATE jobs SET state = 'running', worker = $4, epoch = nextval('job_epochs'),
       lease_until = clock_timestamp() + make_interval(secs => $5)
     WHERE kind = $1 AND client_id = $2 AND id = $3 RETURNING *`,
    ...[request.kind, job['client_id'], job['id'], request.worker, rules.leaseMs / 1000],
  );
}

/** Of a client whose turn goes on here. */
async function warmJob(
  client: PostgresClient,
  { kind, warm }: ClaimRequest,
  rules: ClaimRules,
): Promise<PostgresRow | null> {
  if (warm.length === 0) return null;
  return client.get(
    `SELECT job.client_id, job.id, true AS in_row
     FROM turns JOIN LATERAL (
       SELECT client_id, id, affinity FROM jobs
       WHERE jobs.kind = turns.kind AND jobs.client_id = turns.client_id AND state = 'queued' ORDER BY place LIMIT 1) job ON true
     WHERE turns.kind = $1 AND turns.client_id = ANY($2) AND waiting > 0 AND running < $3
       AND (row_length < $4 OR row_since > clock_timestamp() - make_interval(secs => $5)) AND job.affinity = ANY($6)
     ORDER BY running, served_at LIMIT 1 FOR UPDATE OF turns SKIP LOCKED`,
    kind,
    warm.map((affinity) => affinity.split(' ')[0]),
    rules.concurrencyPerClient,
    rules.quantum,
    rules.quantumMs / 1000,
    warm,
  );
}

async function nextJob(
  client: PostgresClient,
  { kind, warm, worker }: ClaimRequest,
  rules: ClaimRules,
): Promise<PostgresRow | null> {
  const clients = await client.all(
    `SELECT client_id FROM turns WHERE kind = $1 AND waiting > 0 AND running < $2
     ORDER BY running, served_at LIMIT $3 FOR UPDATE SKIP LOCKED`,
    ...[kind, rules.concurrencyPerClient, CANDIDATES],
  );
  if (clients.length === 0) return null;
  // In the order of their turns.
  return client.get(
    `SELECT job.client_id, job.id, false AS in_row
     FROM unnest($2::text[]) WITH ORDINALITY AS candidate (client_id, turn) JOIN LATERAL (
       SELECT client_id, id, affinity, ready_at FROM jobs
       WHERE kind = $1 AND jobs.client_id = candidate.client_id AND state = 'queued' ORDER BY place LIMIT 1) job ON true
     WHERE job.affinity = ANY($3) OR job.ready_at < clock_timestamp() - make_interval(secs => $4) OR NOT EXISTS (
       SELECT FROM workers WHERE name <> $5 AND seen_at > clock_timestamp() - make_interval(secs => $6)
         AND job.affinity = ANY(workers.warm))
     ORDER BY turn LIMIT 1`,
    kind,
    clients.map((row) => row['client_id']),
    warm,
    rules.patienceMs / 1000,
    worker,
    rules.workerMs / 1000,
  );
}
