/**
 * Inference sessions: what was uploaded under one `session_id`, its evaluation and its result. Evaluating is idempotent:
 * whoever asks again joins the evaluation or gets the cached result, also after a restart.
 */
import { checkNegotiation } from '../protocol/check-negotiation.ts';
import { ToolError } from '../protocol/error-codes.ts';
import type { RequestParameters } from '../protocol/negotiation.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { EvaluationQueue } from '../storage/evaluation-queue.ts';
import type { MetadataStore } from '../storage/metadata-store.ts';
import type { QueuePlace, SessionRecord } from '../storage/records.ts';
import type { ServerLimits } from './configuration.ts';
import type { EvaluationRunner, ProgressListener } from './evaluation-runner.ts';
import type { KeyProvisioning } from './key-provisioning.ts';
import type { ModelCatalog, ServedModel } from './model-catalog.ts';
import type { Acknowledgement, ChunkArrival, FileState, Staging } from '../hosting/staging.ts';
import type { EvaluationProgress } from './running-evaluations.ts';
import { ownerOf, RunningEvaluations } from './running-evaluations.ts';
import { outcomeError, resultKey } from './evaluation-runner.ts';

const MAX_INPUT_FILES = 256;

export interface InferenceRequest {
  readonly sessionId: string;
  readonly model: string | undefined;
  readonly keyRef: string | undefined;
  readonly ompThreads: number | undefined;
  /** How long the session is kept from now on, if that is shorter than it would be anyway. */
  readonly lifetimeMs?: number | undefined;
  readonly parameters: RequestParameters;
}

export interface SessionStatus extends EvaluationProgress {
  readonly record: SessionRecord;
  readonly files: FileState[];
}

export class Sessions {
  readonly #store: MetadataStore;
  readonly #blobs: BlobStore;
  readonly #staging: Staging;
  readonly #keys: KeyProvisioning;
  readonly #catalog: ModelCatalog;
  readonly #runner: EvaluationRunner;
  readonly #limits: ServerLimits;
  readonly #evaluations: RunningEvaluations;

  constructor(parts: {
    readonly store: MetadataStore;
    readonly blobs: BlobStore;
    readonly staging: Staging;
    readonly queue: EvaluationQueue;
    readonly keys: KeyProvisioning;
    readonly catalog: ModelCatalog;
    readonly runner: EvaluationRunner;
    readonly limits: ServerLimits;
  }) {
    this.#store = parts.store;
    this.#blobs = parts.blobs;
    this.#staging = parts.staging;
    this.#keys = parts.keys;
    this.#catalog = parts.catalog;
    this.#runner = parts.runner;
    this.#limits = parts.limits;
    this.#evaluations = new RunningEvaluations(parts);
  }

  /** The first chunk opens the session. */
  async accept(clientId: string, sessionId: string, arrival: ChunkArrival): Promise<Acknowledgement> {
    if (this.#store.session(clientId, sessionId) === null) this.#open(clientId, sessionId, Date.now());
    return this.#staging.accept(ownerOf(clientId, sessionId), arrival, {
      maxChunkBytes: this.#limits.maxChunkBytes,
      ownerBytes: Math.max(...this.#catalog.all.map(({ maxInputBytes }) => maxInputBytes)),
      clientBytes: this.#limits.keyBytesPerClient + this.#limits.sessionBytesPerClient,
      files: MAX_INPUT_FILES,
      requireOpen: () => {
        const { state } = this.get(clientId, sessionId);
        if (['staging', 'failed', 'cancelled'].includes(state)) return;
        throw new ToolError('ERROR_SESSION_CLOSED', `the session is ${state}: its inputs are fixed`);
      },
    });
  }

  /** @throws ToolError ERROR_UNKNOWN_SESSION or ERROR_SESSION_EXPIRED */
  get(clientId: string, sessionId: string): SessionRecord {
    const record = this.#store.session(clientId, sessionId);
    if (record === null) throw new ToolError('ERROR_UNKNOWN_SESSION', 'this client has no such session');
    if (record.expiresAt <= Date.now())
      throw new ToolError('ERROR_SESSION_EXPIRED', 'the session has expired');
    return record;
  }

  status(clientId: string, sessionId: string): SessionStatus {
    const record = this.get(clientId, sessionId);
    return { ...this.progress(record), files: this.#staging.files(ownerOf(clientId, sessionId)) };
  }

  /** How far its evaluation is. */
  progress(record: SessionRecord): Omit<SessionStatus, 'files'> {
    return { record, ...this.#evaluations.progress(record) };
  }

  /** Those of this client that were ever to be evaluated and have not expired, in that order, behind `after`. */
  ordered(clientId: string, after: QueuePlace | null, most: number): SessionRecord[] {
    return this.#store.orderedSessions(clientId, after, Date.now(), most);
  }

  /**
   * Starts the evaluation, or joins it, or finds it done. Everything that can be refused is refused before it is queued.
   * @throws ToolError
   */
  order(clientId: string, request: InferenceRequest): SessionRecord {
    const record = this.get(clientId, request.sessionId);
    const model = this.#modelOf(record, request);
    if (record.state === 'done' || record.state === 'queued' || record.state === 'running') {
      const same = request.keyRef === undefined || request.keyRef === record.keyRef;
      if (model.id !== record.model || !same) {
        throw new ToolError('ERROR_SESSION_CLOSED', 'the session is bound to another model or other keys');
      }
      checkNegotiation(request.parameters, model);
      return record;
    }
    const keySet = this.#keys.resolve(clientId, request.keyRef, model.algorithmId);
    if (keySet.algorithmId !== model.algorithmId) {
      throw new ToolError(
        'ERROR_PARAMETER_MISMATCH',
        'the keys were made for other parameters than the model’s',
      );
    }
    checkNegotiation(request.parameters, model);
    this.#staging.complete(ownerOf(clientId, request.sessionId));
    this.#evaluations.requireRoom(clientId);
    const now = Date.now();
    const queued: SessionRecord = {
      ...record,
      state: 'queued',
      expiresAt: Math.min(record.expiresAt, now + (request.lifetimeMs ?? Infinity)),
      model: model.id,
      keyRef: keySet.keyRef,
      ompThreads: request.ompThreads ?? null,
      // Tells this evaluation from one of the same session before, however soon that one ended.
      queuedAt: Math.max(now, (record.queuedAt ?? 0) + 1),
      outcome: null,
    };
    this.#evaluations.submit(queued);
    return queued;
  }

  /**
   * Waits for an evaluation that was ordered. If all who wait go away, and nobody ordered it asynchronously, it is
   * cancelled.
   */
  async wait(record: SessionRecord, listener: ProgressListener, signal: AbortSignal): Promise<SessionRecord> {
    const ended = await this.#evaluations.wait(record, listener, signal);
    return ended ?? this.get(record.clientId, record.sessionId);
  }

  /** The evaluation goes on even if nobody waits. */
  detach(record: SessionRecord): void {
    this.#evaluations.detach(record);
  }

  async cancel(clientId: string, sessionId: string): Promise<SessionRecord> {
    const record = this.get(clientId, sessionId);
    return (await this.#evaluations.cancel(record)) ?? record;
  }

  /** @throws ToolError ERROR_RESULT_NOT_READY, or why the evaluation failed */
  async result(clientId: string, sessionId: string): Promise<{ record: SessionRecord; bytes: Uint8Array }> {
    const record = this.get(clientId, sessionId);
    if (record.state !== 'done') throw notDone(record);
    return { record, bytes: await this.#blobs.get(resultKey(record)) };
  }

  /** Removes everything of a session. */
  async remove(record: SessionRecord): Promise<void> {
    await this.#evaluations.end(record);
    await this.#staging.remove(ownerOf(record.clientId, record.sessionId));
    this.#store.deleteSession(record.clientId, record.sessionId);
  }

  /** After a start: evaluations that were queued or running go on. */
  recover(): number {
    const records = this.#store.unfinishedSessions();
    for (const record of records) {
      try {
        this.#evaluations.submit({ ...record, state: 'queued' }, true);
      } catch (error) {
        // Its model or its keys are gone.
        this.#store.putSession(this.#runner.failed(record, error));
      }
    }
    return records.length;
  }

  #open(clientId: string, sessionId: string, now: number): void {
    if (this.#store.sessionCount(clientId) >= this.#limits.sessionsPerClient) {
      throw new ToolError(
        'ERROR_QUOTA_EXCEEDED',
        `this client has ${this.#limits.sessionsPerClient} sessions open`,
      );
    }
    this.#store.putSession({
      clientId,
      sessionId,
      state: 'staging',
      model: null,
      keyRef: null,
      ompThreads: null,
      createdAt: now,
      expiresAt: now + this.#limits.sessionLifetimeMs,
      queuedAt: null,
      outcome: null,
    });
  }

  /** By name, by what the session is bound to, by the keys, or the only one there is. */
  #modelOf(record: SessionRecord, { model, keyRef }: InferenceRequest): ServedModel {
    if (model !== undefined) return this.#catalog.get(model);
    if (record.model !== null) return this.#catalog.get(record.model);
    if (keyRef === undefined && this.#catalog.all.length === 1) return this.#catalog.choose(undefined);
    return this.#catalog.get(this.#keys.resolve(record.clientId, keyRef, null).model);
  }
}

export function notDone(record: SessionRecord): ToolError {
  const { state } = record;
  const failure = outcomeError(record);
  if (failure !== null) return failure;
  if (state === 'cancelled') return new ToolError('ERROR_CANCELLED', 'the evaluation was cancelled');
  return new ToolError('ERROR_RESULT_NOT_READY', `the session is ${state}`, { retryAfterMs: 500 });
}
