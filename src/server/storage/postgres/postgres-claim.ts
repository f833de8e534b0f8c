/** A job in the hands of this process: a lease that is renewed, and an epoch without which nothing is written of it. */
import type { Claim, Job, JobEnd, JobProgress } from '../evaluation-queue.ts';
import { jobText } from '../evaluation-queue.ts';
import type { SessionRecord } from '../records.ts';
import { countJobs, nameValues, THIS_JOB } from './job-rows.ts';
import type { PostgresClient } from './postgres-client.ts';
import type { PostgresDatabase } from './postgres-database.ts';
import type { PostgresNotices } from './postgres-notices.ts';
import { tell } from './postgres-notices.ts';
import { settleKeys } from './postgres-metadata-store.ts';
import { noteCrash, noteSuccess } from './quarantine.ts';
import { readSession, setSessionState, updateSession } from './session-rows.ts';

const OURS = `${THIS_JOB} AND epoch = $4 AND state = 'running'`;
/** People look at it. */
const PROGRESS_MS = 300;

export interface ClaimedJob {
  readonly job: Job;
  readonly session: SessionRecord | null;
  readonly epoch: number;
  readonly losses: number;
}

export class PostgresClaim implements Claim {
  readonly job: Job;
  readonly session: SessionRecord | null;
  readonly epoch: number;
  readonly losses: number;
  readonly #database: PostgresDatabase;
  readonly #leaseMs: number;
  readonly #over: () => void;
  readonly #abort = new AbortController();
  readonly #notices: Disposable;
  #progress: JobProgress | null = null;
  #telling: NodeJS.Timeout | null = null;

  constructor(
    database: PostgresDatabase,
    notices: PostgresNotices,
    { job, session, epoch, losses }: ClaimedJob,
    leaseMs: number,
    over: () => void,
  ) {
    this.#database = database;
    this.job = job;
    this.session = session;
    this.epoch = epoch;
    this.losses = losses;
    this.#leaseMs = leaseMs;
    this.#over = over;
    const name = jobText(job);
    this.#notices = notices.subscribe((notice) => {
      if (notice.about === 'cancelled' && notice.job === name) this.#abort.abort();
    });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  report(progress: JobProgress): void {
    const fraction = Math.max(this.#progress?.fraction ?? 0, progress.fraction);
    this.#progress = { ...progress, fraction };
    // It is told again with the lease.
    this.#telling ??= setTimeout(() => {
      this.#telling = null;
      this.renew().catch(() => undefined);
    }, PROGRESS_MS);
  }

  /** Aborts what is being done if it is cancelled, or not ours any more. */
  async renew(): Promise<void> {
    const { fraction = null, message = null, activity = null } = this.#progress ?? {};
    const row = await this.#database.get(
      `UPDATE jobs SET lease_until = clock_timestamp() + make_interval(secs => $5), fraction = $6, message = $7, activity = $8
       WHERE ${OURS} RETURNING cancelled`,
      ...[...nameValues(this.job), this.epoch, this.#leaseMs / 1000, fraction, message, activity],
    );
    if (row === null || row['cancelled'] === true) this.#abort.abort();
  }

  async end(end: JobEnd): Promise<boolean> {
    // Without a database for so long, the job is left to whoever finds its lease expired.
    using _ = { [Symbol.dispose]: () => this.#leave() };
    return await this.#database.transaction((client) => this.#end(client, end), { idempotent: true });
  }

  async giveBack(): Promise<void> {
    using _ = { [Symbol.dispose]: () => this.#leave() };
    await this.#database.transaction((client) => this.#giveBack(client), { idempotent: true });
  }

  async #giveBack(client: PostgresClient): Promise<void> {
    const { kind, clientId, id } = this.job;
    // Who cancelled it is not told that it waits again.
    const row = await client.get(
      `UPDATE jobs SET state = CASE WHEN cancelled THEN 'ended' ELSE 'queued' END, worker = NULL, lease_until = NULL,
         ended_at = CASE WHEN cancelled THEN clock_timestamp() END, epoch = nextval('job_epochs'),
         fraction = NULL, message = NULL, activity = NULL WHERE ${OURS} RETURNING cancelled`,
      ...[...nameValues(this.job), this.epoch],
    );
    if (row === null) return;
    const cancelled = row['cancelled'] === true;
    await countJobs(client, this.job, { waiting: cancelled ? 0 : 1, running: -1 });
    if (kind === 'session')
      await setSessionState(client, { clientId, sessionId: id }, cancelled ? 'cancelled' : 'queued');
    await tell(client, cancelled ? { about: 'ended', job: jobText(this.job) } : { about: 'work' });
  }

  async #end(client: PostgresClient, end: JobEnd): Promise<boolean> {
    const { clientId, keyRef, affinity } = this.job;
    const failure = end.kind === 'keys' ? end.failure : null;
    const ended = await client.run(
      end.kind === 'session'
        ? `DELETE FROM jobs WHERE ${OURS}`
        : `UPDATE jobs SET state = 'ended', ended_at = clock_timestamp(), failure_code = $5, failure_message = $6 WHERE ${OURS}`,
      ...[...nameValues(this.job), this.epoch],
      ...(end.kind === 'session' ? [] : [failure?.code ?? null, failure?.message ?? null]),
    );
    if (ended === 0) return this.#wasWritten(client, end);
    await countJobs(client, this.job, { waiting: 0, running: -1 });
    if (end.kind === 'session') {
      await updateSession(client, end.record);
      const { outcome } = end.record;
      if (outcome?.ok === true) await noteSuccess(client, affinity);
      else if (outcome?.errorCode === 'ERROR_EVALUATION_FAILED') await noteCrash(client, affinity);
    } else if (end.state !== 'provisioning') {
      const rejection = end.state === 'rejected' ? (failure?.code ?? null) : null;
      await settleKeys(client, { clientId, keyRef }, end.state, rejection, Date.now());
    }
    await tell(client, { about: 'ended', job: jobText(this.job) });
    return true;
  }

  /** Whether the end of an attempt whose commit nobody confirmed is there. */
  async #wasWritten(client: PostgresClient, end: JobEnd): Promise<boolean> {
    if (end.kind !== 'session' || end.record.outcome?.ok !== true) return false;
    const session = await readSession(client, end.record.clientId, end.record.sessionId);
    return session?.outcome?.ok === true && session.outcome.resultKey === end.record.outcome.resultKey;
  }

  #leave(): void {
    if (this.#telling !== null) clearTimeout(this.#telling);
    this.#notices[Symbol.dispose]();
    this.#over();
  }
}
