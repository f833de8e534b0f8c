/**
 * The queue of a cluster. A job is a row; whoever claims it holds it by a lease, which it renews, and by an epoch, without which nothing it says of
 * the job is written: one that was held up for longer than its lease finds that the job is somebody else's (fencing).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrorCode, ToolError } from '../../protocol/error-codes.ts';
import type {
  Claim,
  EvaluationQueue,
  Job,
  JobFailure,
  JobName,
  JobStand,
  ProgressListener,
  QueueGauges,
  WorkOffer,
} from '../evaluation-queue.ts';
import { jobText, queueFull, STOPPING } from '../evaluation-queue.ts';
import type { SessionRecord } from '../records.ts';
import type { ClaimRules } from './claim-job.ts';
import { claimJob } from './claim-job.ts';
import { countJobs, jobOf, nameValues, progressOf, THIS_JOB } from './job-rows.ts';
import { LostJobs } from './lost-jobs.ts';
import type { PostgresClient } from './postgres-client.ts';
import type { PostgresDatabase } from './postgres-database.ts';
import type { Notice, PostgresNotices } from './postgres-notices.ts';
import { tell } from './postgres-notices.ts';
import { PostgresClaim } from './postgres-claim.ts';
import { requireNoQuarantine } from './quarantine.ts';
import { readSession, setSessionState, updateSession } from './session-rows.ts';

export interface PostgresQueueOptions extends ClaimRules {
  /** Sessions that wait, all clients together. */
  readonly capacity: number;
  readonly capacityPerClient: number;
  /** How often whoever waits looks by himself. */
  readonly pollMs: number;
  /** For metrics. */
  readonly onEvent?: (what: 'cold_claims_total' | 'lease_expiries_total', count: number) => void;
}

export const CLUSTER_RULES = {
  leaseMs: 15_000,
  workerMs: 15_000,
  patienceMs: 2000,
  pollMs: 500,
} as const;

/** Jobs of keys are known for so long after their end, to whoever has not heard of it. */
const REMEMBERED_MS = 600_000;

export class PostgresQueue implements EvaluationQueue {
  readonly #database: PostgresDatabase;
  readonly #notices: PostgresNotices;
  readonly #options: PostgresQueueOptions;
  readonly #worker: string;
  readonly #lost: LostJobs;
  readonly #claims = new Set<PostgresClaim>();
  readonly #closing = new AbortController();

  /** @param worker under which jobs are claimed: of one process, and never used again */
  constructor(
    database: PostgresDatabase,
    notices: PostgresNotices,
    worker: string,
    options: PostgresQueueOptions,
  ) {
    this.#database = database;
    this.#notices = notices;
    this.#worker = worker;
    this.#options = options;
    this.#lost = new LostJobs(database);
  }

  async requireRoom(clientId: string): Promise<void> {
    this.#requireOpen();
    const row = await this.#database.get(
      `SELECT coalesce(sum(waiting), 0) AS all_clients, coalesce(sum(waiting) FILTER (WHERE client_id = $1), 0) AS own
       FROM turns WHERE kind = 'session' AND waiting > 0`,
      clientId,
    );
    this.#requireRoom(Number(row?.['all_clients']) + 1, Number(row?.['own']) + 1);
  }

  async order(job: Job, session: SessionRecord | null): Promise<void> {
    this.#requireOpen();
    const { kind, clientId } = job;
    await this.#database.transaction(
      async (client) => {
        await requireNoQuarantine(client, job.affinity);
        const created = await client.run(
          `INSERT INTO jobs (client_id, kind, id, key_ref, artifact, affinity, cost_seconds, state, detached)
           VALUES ($1, $2, $3, $4, $5, $6, $7, 'queued', $2 = 'keys')
           ON CONFLICT (client_id, kind, id) DO UPDATE SET
             key_ref = excluded.key_ref, artifact = excluded.artifact, affinity = excluded.affinity,
             cost_seconds = excluded.cost_seconds, state = 'queued', place = DEFAULT, ready_at = clock_timestamp(),
             worker = NULL, lease_until = NULL, epoch = nextval('job_epochs'), losses = 0, cancelled = false, waiters = 0,
             detached = excluded.detached, fraction = NULL, message = NULL, activity = NULL,
             failure_code = NULL, failure_message = NULL, ended_at = NULL
           WHERE jobs.state = 'ended'`,
          ...nameValues(job),
          ...[job.keyRef, job.artifact, job.affinity, job.costSeconds],
        );
        if (created === 0) return;
        // Locks the row of the client, so that its bound holds whichever front ends it asks.
        const own = await client.get(
          `INSERT INTO turns (kind, client_id, waiting) VALUES ($1, $2, 1)
           ON CONFLICT (kind, client_id) DO UPDATE SET waiting = turns.waiting + 1 RETURNING waiting`,
          ...[kind, clientId],
        );
        if (kind === 'session') {
          const all = await client.get(
            `SELECT coalesce(sum(waiting), 0) AS n FROM turns WHERE kind = 'session' AND waiting > 0`,
          );
          this.#requireRoom(Number(all?.['n']), Number(own?.['waiting']));
        }
        if (session !== null) await updateSession(client, session);
        await tell(client, { about: 'work' });
      },
      { idempotent: true },
    );
  }

  async wait(
    name: JobName,
    listener: ProgressListener,
    signal: AbortSignal,
  ): Promise<JobFailure | null | undefined> {
    const joined = await this.#database.run(
      `UPDATE jobs SET waiters = waiters + 1 WHERE ${THIS_JOB} AND state <> 'ended'`,
      ...nameValues(name),
    );
    if (joined === 0) return this.#failureOf(name);
    using changes = this.#changes((notice) => notice.about === 'ended' && notice.job === jobText(name));
    let told = -1;
    for (;;) {
      const row = await this.#database.get(
        `SELECT state, fraction, message, activity, failure_code, failure_message FROM jobs WHERE ${THIS_JOB}`,
        ...nameValues(name),
      );
      if (row === null) return null;
      if (row['state'] === 'ended') return failureOf(row);
      const progress = progressOf(row);
      if (progress !== null && progress.fraction > told) listener(progress);
      told = progress?.fraction ?? told;
      if (signal.aborted) {
        if (!(await this.#leave(name))) return null;
        signal = this.#closing.signal;
      }
      if (this.#closing.signal.aborted) return STOPPING;
      await changes.next(this.#options.pollMs, signal);
    }
  }

  async detach(name: JobName): Promise<void> {
    await this.#database.run(`UPDATE jobs SET detached = true WHERE ${THIS_JOB}`, ...nameValues(name));
  }

  async cancel(name: JobName): Promise<boolean> {
    return this.#database.transaction((client) => this.#cancel(client, name), { idempotent: true });
  }

  async stand(name: JobName): Promise<JobStand | null> {
    const row = await this.#database.get(
      `SELECT state, place, fraction, message, activity FROM jobs WHERE ${THIS_JOB} AND state <> 'ended'`,
      ...nameValues(name),
    );
    if (row === null) return null;
    const progress = progressOf(row);
    if (row['state'] === 'running') return { position: { ahead: 0, running: true }, progress };
    // In the meantime every other client gets as many turns, as far as it has jobs.
    const ahead = await this.#database.get(
      `WITH own AS (SELECT count(*) AS n FROM jobs WHERE kind = $2 AND client_id = $1 AND state = 'queued' AND place < $3)
       SELECT own.n + coalesce((SELECT sum(least(waiting, own.n + 1)) FROM turns
         WHERE kind = $2 AND client_id <> $1 AND waiting > 0), 0) AS n FROM own`,
      ...[name.clientId, name.kind, row['place']],
    );
    return { position: { ahead: Number(ahead?.['n'] ?? 0), running: false }, progress };
  }

  async claim({ kind, warm }: WorkOffer, signal: AbortSignal): Promise<Claim | null> {
    const until = AbortSignal.any([signal, this.#closing.signal]);
    using changes = this.#changes(({ about }) => about === 'work');
    while (!until.aborted) {
      const claim = await this.#claim({ kind, warm });
      if (claim !== null) return claim;
      await changes.next(this.#options.pollMs, until);
    }
    return null;
  }

  async gauges(): Promise<QueueGauges> {
    const row = await this.#database.get(
      `SELECT (SELECT coalesce(sum(running), 0) FROM turns WHERE kind = 'session') AS running,
         count(*) FILTER (WHERE kind = 'session') AS waiting, coalesce(sum(cost_seconds), 0) AS cost,
         coalesce(extract(epoch FROM clock_timestamp() - min(ready_at)), 0) AS age,
         (SELECT count(*) FROM workers WHERE seen_at > clock_timestamp() - make_interval(secs => $1)) AS workers
       FROM jobs WHERE state = 'queued'`,
      this.#options.workerMs / 1000,
    );
    const number = (column: string): number => Number(row?.[column] ?? 0);
    return {
      ...{ waiting: number('waiting'), running: number('running'), workers: number('workers') },
      ...{ oldestReadySeconds: number('age'), readyCostSeconds: number('cost') },
    };
  }

  /** Says who works and what is loaded here; renews the leases of what is held. To be called every few seconds. */
  async heartbeat(warm: readonly string[]): Promise<void> {
    await this.#database.run(
      `INSERT INTO workers (name, seen_at, warm) VALUES ($1, clock_timestamp(), $2)
       ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, warm = excluded.warm`,
      ...[this.#worker, warm],
    );
    await Promise.all([...this.#claims].map((claim) => claim.renew()));
  }

  /** Of workers that are gone, and of jobs that ended long ago. */
  async sweep(): Promise<void> {
    await this.#database.run(
      `DELETE FROM jobs WHERE state = 'ended' AND ended_at < clock_timestamp() - make_interval(secs => $1)`,
      REMEMBERED_MS / 1000,
    );
    await this.#database.run(
      `DELETE FROM workers WHERE seen_at < clock_timestamp() - make_interval(secs => $1)`,
      REMEMBERED_MS / 1000,
    );
    await this.#database.run(
      `DELETE FROM turns WHERE waiting = 0 AND running = 0 AND served_at < clock_timestamp() - make_interval(secs => $1)`,
      REMEMBERED_MS / 1000,
    );
  }

  /** What is loaded here is waited for no more. */
  async leave(): Promise<void> {
    await this.#database.run('DELETE FROM workers WHERE name = $1', this.#worker);
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }

  async #claim({ kind, warm }: WorkOffer): Promise<Claim | null> {
    const { leaseMs } = this.#options;
    const lost = await this.#lost.takeBack();
    if (lost > 0) this.#options.onEvent?.('lease_expiries_total', lost);
    const request = { kind, worker: this.#worker, warm: warm() };
    const claimed = await this.#database.transaction(async (client) => {
      const row = await claimJob(client, request, this.#options);
      if (row === null) return null;
      const job = jobOf(row);
      const session = kind === 'session' ? await readSession(client, job.clientId, job.id) : null;
      if (session !== null) await setSessionState(client, session, 'running');
      return { job, session, epoch: Number(row['epoch']), losses: Number(row['losses']) };
    });
    if (claimed === null) return null;
    if (!request.warm.includes(claimed.job.affinity)) this.#options.onEvent?.('cold_claims_total', 1);
    const claim = new PostgresClaim(this.#database, this.#notices, claimed, leaseMs, () =>
      this.#claims.delete(claim),
    );
    this.#claims.add(claim);
    return claim;
  }

  async #cancel(client: PostgresClient, name: JobName): Promise<boolean> {
    const row = await client.get(
      `SELECT state FROM jobs WHERE ${THIS_JOB} AND state <> 'ended' FOR UPDATE`,
      ...nameValues(name),
    );
    if (row === null) return false;
    if (row['state'] === 'running') {
      await client.run(`UPDATE jobs SET cancelled = true WHERE ${THIS_JOB}`, ...nameValues(name));
      await tell(client, { about: 'cancelled', job: jobText(name) });
      return true;
    }
    await client.run(`DELETE FROM jobs WHERE ${THIS_JOB}`, ...nameValues(name));
    await countJobs(client, name, { waiting: -1, running: 0 });
    if (name.kind === 'session')
      await setSessionState(client, { clientId: name.clientId, sessionId: name.id }, 'cancelled');
    await tell(client, { about: 'ended', job: jobText(name) });
    return true;
  }

  /** Whoever leaves last takes a job that nobody detached with him. True if it is being cancelled. */
  async #leave(name: JobName): Promise<boolean> {
    return this.#database.transaction(async (client) => {
      const row = await client.get(
        `UPDATE jobs SET waiters = greatest(waiters - 1, 0) WHERE ${THIS_JOB} AND state <> 'ended' RETURNING waiters, detached`,
        ...nameValues(name),
      );
      if (row === null || row['detached'] === true || Number(row['waiters']) > 0) return false;
      return this.#cancel(client, name);
    });
  }

  async #failureOf(name: JobName): Promise<JobFailure | null | undefined> {
    const row = await this.#database.get(
      `SELECT failure_code, failure_message FROM jobs WHERE ${THIS_JOB} AND state = 'ended'`,
      ...nameValues(name),
    );
    return row === null ? undefined : failureOf(row);
  }

  #requireOpen(): void {
    if (this.#closing.signal.aborted) throw new ToolError(STOPPING.code, STOPPING.message);
  }

  #requireRoom(all: number, own: number): void {
    const { capacity, capacityPerClient } = this.#options;
    if (all <= capacity && own <= capacityPerClient) return;
    throw queueFull(all > capacity);
  }

  /** Wakes whoever waits when something is told that concerns him. */
  #changes(concerns: (notice: Notice) => boolean): Changes {
    let changed = false;
    let wake = (): void => undefined;
    const subscription = this.#notices.subscribe((notice) => {
      if (notice.about !== 'any' && !concerns(notice)) return;
      changed = true;
      wake();
    });
    return {
      async next(mostMs, signal) {
        if (!changed && !signal.aborted) {
          const end = new AbortController();
          const early = new Promise<void>((resolve) => (wake = resolve));
          const timer = sleep(mostMs, undefined, { signal: AbortSignal.any([signal, end.signal]) });
          await Promise.race([early, timer.catch(() => undefined)]);
          end.abort();
        }
        changed = false;
      },
      [Symbol.dispose]: () => subscription[Symbol.dispose](),
    };
  }
}

interface Changes extends Disposable {
  /** Resolves when something was told since the last time, or the signal is aborted, or after a while. */
  next(mostMs: number, signal: AbortSignal): Promise<void>;
}

function failureOf(row: Readonly<Record<string, unknown>>): JobFailure | null {
  const code = row['failure_code'];
  if (typeof code !== 'string') return null;
  return { code: isErrorCode(code) ? code : 'ERROR_INTERNAL', message: String(row['failure_message']) };
}
