/** Who does the jobs of the queue: takes them one by one, as many at once as it may, and says what came of each. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '../../protocol/error-codes.ts';
import { ToolError } from '../../protocol/error-codes.ts';
import { toToolError } from '../../protocol/translate-error.ts';
import type { Claim, EvaluationQueue, JobEnd, JobKind } from '../../storage/evaluation-queue.ts';
import type { MetadataStore } from '../../storage/metadata-store.ts';
import type { KeySetRecord, SessionRecord } from '../../storage/records.ts';
import type { Log } from '../../hosting/log.ts';
import type { Staging } from '../../hosting/staging.ts';
import type { EvaluatorPool } from '../evaluation/evaluator-pool.ts';
import { ownerOf, requireNotRevoked } from '../key-sets.ts';
import { newResultKey, sessionOwner, unsuccessful } from '../session-outcome.ts';
import type { EvaluationRunner } from './evaluation-runner.ts';
import type { KeyLoading } from './key-loading.ts';
import type { ModelSource } from '../model-catalog.ts';

/** What can be said about keys that were refused, apart from failures that say nothing about the keys. */
const REASONS_TO_REJECT: readonly ErrorCode[] = [
  'ERROR_INVALID_EVALUATION_KEY',
  'ERROR_INVALID_GALOIS_KEY',
  'ERROR_PARAMETER_MISMATCH',
  'ERROR_WEAK_PARAMETERS',
  'ERROR_SECRET_KEY_REFUSED',
];
/** What jobs end with when their worker does. */
const INTERRUPTED: readonly ErrorCode[] = [
  'ERROR_CANCELLED',
  'ERROR_SHUTTING_DOWN',
  'ERROR_EVALUATION_FAILED',
];

const LOADING = 'loading keys';
const PAUSE_MS = 1000;

export interface JobWorkerParts {
  readonly store: MetadataStore;
  readonly queue: EvaluationQueue;
  readonly staging: Staging;
  readonly pool: EvaluatorPool;
  readonly models: ModelSource;
  readonly loading: KeyLoading;
  readonly runner: EvaluationRunner;
  readonly log: Log;
}

export class JobWorker {
  readonly #parts: JobWorkerParts;
  readonly #atOnce: Readonly<Record<JobKind, number>>;
  /** No more jobs. */
  readonly #drain = new AbortController();
  /** An end to those that are still being done. */
  readonly #stop = new AbortController();
  #work: Promise<void> = Promise.resolve();

  constructor(parts: JobWorkerParts, atOnce: Readonly<Record<JobKind, number>>) {
    this.#parts = parts;
    this.#atOnce = atOnce;
  }

  start(): void {
    this.#work = Promise.all([this.#serve('keys'), this.#serve('session')]).then(() => undefined);
  }

  /** Takes no more; what is under way gets a while to end, and is given back then. */
  async drain(graceMs: number): Promise<void> {
    this.#drain.abort();
    const timer = setTimeout(() => {
      this.#parts.runner.stopping = true;
      this.#stop.abort();
    }, graceMs);
    await this.#work;
    clearTimeout(timer);
  }

  async #serve(kind: JobKind): Promise<void> {
    const { queue, pool, log } = this.#parts;
    if (this.#atOnce[kind] === 0) return;
    const active = new Set<Promise<void>>();
    while (!this.#drain.signal.aborted) {
      if (active.size >= this.#atOnce[kind]) {
        await Promise.race(active);
        continue;
      }
      let claim: Claim | null;
      try {
        claim = await queue.claim({ kind, warm: () => pool.warm }, this.#drain.signal);
      } catch (error) {
        // The records are away: it goes on when they are back.
        log('error', 'no job could be had', { detail: String(error) });
        await sleep(PAUSE_MS, undefined, { signal: this.#drain.signal }).catch(() => undefined);
        continue;
      }
      if (claim === null) break;
      const job = this.#do(claim).finally(() => active.delete(job));
      active.add(job);
    }
    await Promise.all(active);
  }

  /** Never rejects. */
  async #do(claim: Claim): Promise<void> {
    const { log } = this.#parts;
    try {
      const signal = AbortSignal.any([claim.signal, this.#stop.signal]);
      const { session } = claim;
      if (session === null) await this.#loadKeys(claim, signal);
      else await this.#evaluate(claim, session, signal);
    } catch (error) {
      // The job is left to whoever comes after this process.
      const { clientId: client, id } = claim.job;
      log('error', 'a job could not be ended', { client, session: id, detail: String(error) });
    }
  }

  async #evaluate(claim: Claim, session: SessionRecord, signal: AbortSignal): Promise<void> {
    const { staging, store, models, runner } = this.#parts;
    const owner = sessionOwner(session.clientId, session.sessionId);
    let ended: SessionRecord;
    try {
      const model = await models.byDigest(claim.job.artifact);
      const keySet = await requireKeySet(store, session.clientId, claim.job.keyRef);
      requireNotRevoked(keySet);
      const files = await staging.complete(owner);
      const outputKey = newResultKey(session, claim.epoch);
      const task = { record: session, keySet, model, files, outputKey, losses: claim.losses, signal };
      const outcome = await runner.run(task, (progress) => claim.report(progress));
      ended = { ...session, state: 'done', outcome };
    } catch (error) {
      if (await this.#isToBeginAnew(claim, error)) return claim.giveBack();
      ended = unsuccessful(session, error);
    }
    const written = await claim.end({ kind: 'session', record: ended });
    // The result answers every further call: inputs are of no more use.
    if (written && ended.state === 'done') {
      await staging.removeInputs(owner, async () => {
        const now = await store.session(session.clientId, session.sessionId);
        return now?.state === 'done' && now.queuedAt === session.queuedAt;
      });
    }
  }

  async #loadKeys(claim: Claim, signal: AbortSignal): Promise<void> {
    const { store, models, loading, staging } = this.#parts;
    const { clientId, keyRef, artifact } = claim.job;
    let end: JobEnd;
    let record: KeySetRecord | null = null;
    try {
      record = await requireKeySet(store, clientId, keyRef);
      requireNotRevoked(record);
      using _ = await loading.load(
        record,
        await models.byDigest(artifact),
        null,
        (_stage, fraction) => claim.report({ fraction, message: LOADING, activity: LOADING }),
        signal,
      );
      // Loading takes long enough for its owner to think better of it: the record tells.
      end = { kind: 'keys', state: 'active', failure: null };
    } catch (thrown) {
      if (await this.#isToBeginAnew(claim, thrown)) return claim.giveBack();
      const error = toToolError(thrown, 'keys');
      const failure = { code: error.code, message: error.message };
      const state = REASONS_TO_REJECT.includes(error.code) ? 'rejected' : 'provisioning';
      end = { kind: 'keys', state, failure };
    }
    const written = await claim.end(end);
    // Unless they have been announced anew by whoever heard of it.
    if (written && end.state === 'rejected' && record !== null)
      await staging.remove(
        ownerOf(record),
        async () => (await store.keySet(clientId, keyRef))?.state === 'rejected',
      );
  }

  /** What ended it says nothing about the job: this worker ends, or records or blobs are away, which is waited for a moment. */
  async #isToBeginAnew(claim: Claim, thrown: unknown): Promise<boolean> {
    if (claim.signal.aborted) return false;
    const { code } = toToolError(thrown);
    if (this.#stop.signal.aborted && INTERRUPTED.includes(code)) return true;
    if (code !== 'ERROR_STORAGE_UNAVAILABLE') return false;
    this.#parts.log('warn', 'a job is begun anew', { client: claim.job.clientId, detail: String(thrown) });
    await sleep(PAUSE_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    return true;
  }
}

async function requireKeySet(store: MetadataStore, clientId: string, keyRef: string): Promise<KeySetRecord> {
  const record = await store.keySet(clientId, keyRef);
  if (record === null) throw new ToolError('ERROR_UNKNOWN_KEY', 'this client has no such key set');
  return record;
}
