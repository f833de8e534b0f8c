/** Jobs whose worker was not heard of for longer than its lease: they wait again, or have failed if that happened too often. */
import { jobText } from '../evaluation-queue.ts';
import { countJobs, jobOf } from './job-rows.ts';
import type { PostgresDatabase } from './postgres-database.ts';
import { tell } from './postgres-notices.ts';
import { noteCrash } from './quarantine.ts';
import { readSession, setSessionState, updateSession } from './session-rows.ts';

/** A worker may be killed for reasons of its own; one job that takes so many with it is to blame. */
const MOST_LOSSES = 3;
/** Whoever claims looks, but not each time. */
const PAUSE_MS = 1000;
const AT_ONCE = 32;
const VANISHED = 'the processes that evaluated this vanished again and again';

export class LostJobs {
  readonly #database: PostgresDatabase;
  #lookedAt = -Infinity;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  /** @returns how many */
  async takeBack(now = performance.now()): Promise<number> {
    if (now - this.#lookedAt < PAUSE_MS) return 0;
    this.#lookedAt = now;
    return this.#database.transaction(async (client) => {
      const rows = await client.all(
        `SELECT * FROM jobs WHERE state = 'running' AND lease_until < clock_timestamp()
         ORDER BY lease_until LIMIT ${AT_ONCE} FOR UPDATE SKIP LOCKED`,
      );
      for (const row of rows) {
        const job = jobOf(row);
        const { kind, clientId, id } = job;
        const losses = Number(row['losses']) + 1;
        const over = losses >= MOST_LOSSES;
        await countJobs(client, job, { waiting: over ? 0 : 1, running: -1 });
        await client.run(
          `UPDATE jobs SET state = $4, worker = NULL, lease_until = NULL, epoch = nextval('job_epochs'), losses = $5,
             ready_at = clock_timestamp(), ended_at = CASE WHEN $4 = 'ended' THEN clock_timestamp() END,
             failure_code = $6, failure_message = $7, fraction = NULL, message = NULL, activity = NULL
           WHERE client_id = $1 AND kind = $2 AND id = $3`,
          ...[clientId, kind, id, over ? 'ended' : 'queued', losses],
          ...(over ? ['ERROR_EVALUATION_FAILED', VANISHED] : [null, null]),
        );
        if (over) await noteCrash(client, job.affinity);
        if (kind === 'session') {
          const session = await readSession(client, clientId, id);
          if (session !== null && over)
            await updateSession(client, {
              ...session,
              state: 'failed',
              outcome: { ok: false, errorCode: 'ERROR_EVALUATION_FAILED', message: VANISHED },
            });
          else await setSessionState(client, { clientId, sessionId: id }, 'queued');
        }
        await tell(client, over ? { about: 'ended', job: jobText(job) } : { about: 'work' });
      }
      return rows.length;
    });
  }
}
