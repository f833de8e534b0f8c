/**
 * Evaluations that are queued or run in this process: who waits for them and hears of their progress, and how they end. What is to be
 * evaluated, and whether it may be, is decided before (`sessions.ts`).
 */
import type { EvaluationQueue, QueuePosition } from '../storage/evaluation-queue.ts';
import type { MetadataStore } from '../storage/metadata-store.ts';
import type { SessionRecord, UploadOwner } from '../storage/records.ts';
import type { EvaluationRunner, ProgressListener } from './evaluation-runner.ts';
import type { KeyProvisioning } from './key-provisioning.ts';
import { affinityOf } from './key-sets.ts';
import type { ModelCatalog } from './model-catalog.ts';
import type { Staging } from '../hosting/staging.ts';

export interface EvaluationProgress {
  readonly position: QueuePosition | null;
  /** 0 … 1 */
  readonly fraction: number | null;
  /** What an evaluation that runs is at. */
  readonly activity: string | null;
}

interface Running {
  readonly finished: Promise<SessionRecord>;
  readonly listeners: Set<ProgressListener>;
  /** Callers that wait for it; it goes on without any if it was ordered asynchronously. */
  waiters: number;
  detached: boolean;
  fraction: number;
  activity: string | null;
}

export class RunningEvaluations {
  readonly #store: MetadataStore;
  readonly #staging: Staging;
  readonly #queue: EvaluationQueue;
  readonly #keys: KeyProvisioning;
  readonly #catalog: ModelCatalog;
  readonly #runner: EvaluationRunner;
  readonly #running = new Map<string, Running>();

  constructor(parts: {
    readonly store: MetadataStore;
    readonly staging: Staging;
    readonly queue: EvaluationQueue;
    readonly keys: KeyProvisioning;
    readonly catalog: ModelCatalog;
    readonly runner: EvaluationRunner;
  }) {
    this.#store = parts.store;
    this.#staging = parts.staging;
    this.#queue = parts.queue;
    this.#keys = parts.keys;
    this.#catalog = parts.catalog;
    this.#runner = parts.runner;
  }

  /** @throws ToolError ERROR_BUSY or ERROR_SHUTTING_DOWN */
  requireRoom(clientId: string): void {
    this.#queue.requireRoom(clientId);
  }

  /** Also writes the record. @param detached it goes on even if nobody waits */
  submit(queued: SessionRecord, detached = false): void {
    const { clientId, sessionId } = queued;
    const model = this.#catalog.get(queued.model ?? '');
    const keySet = this.#keys.get(clientId, queued.keyRef ?? '');
    const job = { clientId, sessionId, affinity: affinityOf(keySet, model) };
    const listeners = new Set<ProgressListener>();
    this.#store.putSession(queued);
    const finished = this.#queue
      .submit(job, async ({ signal }) => {
        this.#store.putSession({ ...queued, state: 'running' });
        const files = this.#staging.complete(ownerOf(clientId, sessionId));
        const task = { record: queued, keySet, model, files, signal };
        return this.#runner.run(task, (fraction, message, activity = message) => {
          running.fraction = Math.max(running.fraction, fraction);
          running.activity = activity;
          for (const listener of listeners) listener(running.fraction, message);
        });
      })
      .then(
        (outcome) => this.#finish({ ...queued, state: 'done', outcome }),
        (error: unknown) => this.#finish(this.#runner.failed(queued, error)),
      )
      .catch((error: unknown) => this.#runner.failed(queued, error))
      .finally(() => this.#running.delete(nameOf(queued)));
    const running: Running = { finished, listeners, waiters: 0, detached, fraction: 0, activity: null };
    this.#running.set(nameOf(queued), running);
  }

  progress(record: SessionRecord): EvaluationProgress {
    const running = this.#running.get(nameOf(record));
    return {
      position: this.#queue.position(record.clientId, record.sessionId),
      fraction: running?.fraction ?? null,
      activity: running?.activity ?? null,
    };
  }

  /** Null if it is not under way. If all who wait go away, and it is not detached, it is cancelled. */
  async wait(
    record: SessionRecord,
    listener: ProgressListener,
    signal: AbortSignal,
  ): Promise<SessionRecord | null> {
    const running = this.#running.get(nameOf(record));
    if (running === undefined) return null;
    running.listeners.add(listener);
    running.waiters++;
    const leave = (): void => {
      if (running.waiters === 1 && !running.detached) this.#queue.cancel(record.clientId, record.sessionId);
    };
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    try {
      return await running.finished;
    } finally {
      signal.removeEventListener('abort', leave);
      running.waiters--;
      running.listeners.delete(listener);
    }
  }

  detach(record: SessionRecord): void {
    const running = this.#running.get(nameOf(record));
    if (running !== undefined) running.detached = true;
  }

  /** How it has ended then; null if it is not under way, or too late to be cancelled. */
  async cancel(record: SessionRecord): Promise<SessionRecord | null> {
    const running = this.#running.get(nameOf(record));
    if (running === undefined || !this.#queue.cancel(record.clientId, record.sessionId)) return null;
    return running.finished;
  }

  /** Cancels it, should it be under way, and waits for its end. */
  async end(record: SessionRecord): Promise<void> {
    this.#queue.cancel(record.clientId, record.sessionId);
    await this.#running.get(nameOf(record))?.finished;
  }

  async #finish(record: SessionRecord): Promise<SessionRecord> {
    this.#store.putSession(record);
    // The result answers every further call: inputs are of no more use.
    if (record.state === 'done') await this.#staging.removeInputs(ownerOf(record.clientId, record.sessionId));
    return record;
  }
}

export function ownerOf(clientId: string, sessionId: string): UploadOwner {
  return { clientId, kind: 'session', id: sessionId };
}

function nameOf({ clientId, sessionId }: SessionRecord): string {
  return `${clientId} ${sessionId}`;
}
