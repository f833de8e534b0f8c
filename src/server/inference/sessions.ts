/**
 * Inference sessions: what was uploaded under one `session_id`, its evaluation and its result. Evaluating is idempotent:
 * whoever asks again joins the evaluation or gets the cached result, also after a restart.
 */
import { checkNegotiation } from '../protocol/check-negotiation.ts';
import { ToolError } from '../protocol/error-codes.ts';
import type { RequestParameters } from '../protocol/negotiation.ts';
import type { ToolReport } from '../protocol/tool.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { EvaluationQueue, Job, JobName, JobStand } from '../storage/evaluation-queue.ts';
import type { MetadataStore } from '../storage/metadata-store.ts';
import type { KeySetRecord, QueuePlace, SessionRecord } from '../storage/records.ts';
import type { Acknowledgement, ChunkArrival, FileState, Staging } from '../hosting/staging.ts';
import type { ServerLimits } from './configuration.ts';
import type { KeyProvisioning } from './key-provisioning.ts';
import { affinityOf } from './key-sets.ts';
import type { ModelCatalog, ServedModel } from './model-catalog.ts';
import { notDone, resultKeyOf, sessionOwner, unsuccessful } from './session-outcome.ts';

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

export interface SessionStatus {
  readonly record: SessionRecord;
  readonly files: FileState[];
  /** Null if it is not being evaluated. */
  readonly stand: JobStand | null;
}

export class Sessions {
  readonly #store: MetadataStore;
  readonly #blobs: Pick<BlobStore, 'get'>;
  readonly #staging: Staging;
  readonly #keys: KeyProvisioning;
  readonly #catalog: ModelCatalog;
  readonly #queue: EvaluationQueue;
  readonly #limits: ServerLimits;

  constructor(parts: {
    readonly store: MetadataStore;
    readonly blobs: Pick<BlobStore, 'get'>;
    readonly staging: Staging;
    readonly queue: EvaluationQueue;
    readonly keys: KeyProvisioning;
    readonly catalog: ModelCatalog;
    readonly limits: ServerLimits;
  }) {
    this.#store = parts.store;
    this.#blobs = parts.blobs;
    this.#staging = parts.staging;
    this.#queue = parts.queue;
    this.#keys = parts.keys;
    this.#catalog = parts.catalog;
    this.#limits = parts.limits;
  }

  /** The first chunk opens the session. */
  async accept(clientId: string, sessionId: string, arrival: ChunkArrival): Promise<Acknowledgement> {
    await this.#open(clientId, sessionId, Date.now());
    return this.#staging.accept(sessionOwner(clientId, sessionId), arrival, {
      maxChunkBytes: this.#limits.maxChunkBytes,
      ownerBytes: Math.max(...this.#catalog.all.map(({ maxInputBytes }) => maxInputBytes)),
      clientBytes: this.#limits.keyBytesPerClient + this.#limits.sessionBytesPerClient,
      files: MAX_INPUT_FILES,
      requireOpen: async () => {
        const { state } = await this.get(clientId, sessionId);
        if (['staging', 'failed', 'cancelled'].includes(state)) return;
        throw new ToolError('ERROR_SESSION_CLOSED', `the session is ${state}: its inputs are fixed`);
      },
    });
  }

  /** @throws ToolError ERROR_UNKNOWN_SESSION or ERROR_SESSION_EXPIRED */
  async get(clientId: string, sessionId: string): Promise<SessionRecord> {
    const record = await this.#store.session(clientId, sessionId);
    if (record === null) throw new ToolError('ERROR_UNKNOWN_SESSION', 'this client has no such session');
    if (record.expiresAt <= Date.now())
      throw new ToolError('ERROR_SESSION_EXPIRED', 'the session has expired');
    return record;
  }

  async status(clientId: string, sessionId: string): Promise<SessionStatus> {
    const record = await this.get(clientId, sessionId);
    const files = await this.#staging.files(sessionOwner(clientId, sessionId));
    return { record, files, stand: await this.stand(record) };
  }

  /** How far its evaluation is; null if there is none. */
  stand(record: SessionRecord): Promise<JobStand | null> {
    return this.#queue.stand(jobNameOf(record));
  }

  /** Those of this client that were ever to be evaluated and have not expired, in that order, behind `after`. */
  ordered(clientId: string, after: QueuePlace | null, most: number): Promise<SessionRecord[]> {
    return this.#store.orderedSessions(clientId, after, Date.now(), most);
  }

  /**
   * Starts the evaluation, or joins it, or finds it done. Everything that can be refused is refused before it is queued.
   * @throws ToolError
   */
  order(clientId: string, request: InferenceRequest): Promise<SessionRecord> {
    return this.#store.exclusive(clientId, () => this.#order(clientId, request));
  }

  async #order(clientId: string, request: InferenceRequest): Promise<SessionRecord> {
    const record = await this.get(clientId, request.sessionId);
    const model = await this.#modelOf(record, request);
    if (record.state === 'done' || record.state === 'queued' || record.state === 'running') {
      const same = request.keyRef === undefined || request.keyRef === record.keyRef;
      if (model.id !== record.model || !same) {
        throw new ToolError('ERROR_SESSION_CLOSED', 'the session is bound to another model or other keys');
      }
      checkNegotiation(request.parameters, model);
      return record;
    }
    const keySet = await this.#keys.resolve(clientId, request.keyRef, model.algorithmId);
    if (keySet.algorithmId !== model.algorithmId) {
      throw new ToolError(
        'ERROR_PARAMETER_MISMATCH',
        'the keys were made for other parameters than the model’s',
      );
    }
    checkNegotiation(request.parameters, model);
    await this.#staging.complete(sessionOwner(clientId, request.sessionId));
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
    await this.#queue.order(evaluationOf(queued, keySet, model), queued);
    return queued;
  }

  /** Waits for an evaluation that was ordered. If all who wait go away, and nobody ordered it asynchronously, it is cancelled. */
  async wait(record: SessionRecord, report: ToolReport, signal: AbortSignal): Promise<SessionRecord> {
    await this.#queue.wait(jobNameOf(record), ({ fraction, message }) => report(fraction, message), signal);
    // However late it is by now.
    return (await this.#store.session(record.clientId, record.sessionId)) ?? record;
  }

  /** The evaluation goes on even if nobody waits. */
  detach(record: SessionRecord): Promise<void> {
    return this.#queue.detach(jobNameOf(record));
  }

  async cancel(clientId: string, sessionId: string): Promise<SessionRecord> {
    await this.#end(await this.get(clientId, sessionId));
    return this.get(clientId, sessionId);
  }

  /** @throws ToolError ERROR_RESULT_NOT_READY, or why the evaluation failed */
  async result(clientId: string, sessionId: string): Promise<{ record: SessionRecord; bytes: Uint8Array }> {
    const record = await this.get(clientId, sessionId);
    if (record.state !== 'done') throw notDone(record);
    return { record, bytes: await this.#blobs.get(resultKeyOf(record)) };
  }

  /** Removes everything of a session. */
  async remove(record: SessionRecord): Promise<void> {
    await this.#end(record);
    await this.#staging.remove(sessionOwner(record.clientId, record.sessionId));
    await this.#store.deleteSession(record.clientId, record.sessionId);
  }

  /** After a start of a server with a queue of its own: evaluations that were queued or running go on. */
  async recover(): Promise<number> {
    const records = await this.#store.unfinishedSessions();
    for (const record of records) {
      const queued: SessionRecord = { ...record, state: 'queued' };
      try {
        const keySet = await this.#keys.get(record.clientId, record.keyRef ?? '');
        await this.#queue.order(evaluationOf(queued, keySet, this.#catalog.get(record.model ?? '')), queued);
        await this.detach(queued);
      } catch (error) {
        // Its model or its keys are gone; or there is no room for so many, as if it had not been asked for.
        const busy = error instanceof ToolError && error.code === 'ERROR_BUSY';
        await this.#store.putSession(
          busy ? { ...record, state: 'staging', queuedAt: null } : unsuccessful(record, error),
        );
      }
    }
    return records.length;
  }

  /** Cancels its evaluation, should it be under way, and waits for that. */
  async #end(record: SessionRecord): Promise<void> {
    const name = jobNameOf(record);
    if (await this.#queue.cancel(name)) await this.#queue.wait(name, () => undefined, NOBODY_LEAVES);
  }

  async #open(clientId: string, sessionId: string, now: number): Promise<void> {
    if ((await this.#store.session(clientId, sessionId)) !== null) return;
    const { sessionsPerClient, sessionLifetimeMs } = this.#limits;
    await this.#store.exclusive(clientId, async () => {
      if ((await this.#store.session(clientId, sessionId)) !== null) return;
      if ((await this.#store.sessionCount(clientId)) >= sessionsPerClient)
        throw new ToolError('ERROR_QUOTA_EXCEEDED', `this client has ${sessionsPerClient} sessions open`);
      await this.#store.putSession({
        clientId,
        sessionId,
        state: 'staging',
        model: null,
        keyRef: null,
        ompThreads: null,
        createdAt: now,
        expiresAt: now + sessionLifetimeMs,
        queuedAt: null,
        outcome: null,
      });
    });
  }

  /** By name, by what the session is bound to, by the keys, or the only one there is. */
  async #modelOf(record: SessionRecord, { model, keyRef }: InferenceRequest): Promise<ServedModel> {
    if (model !== undefined) return this.#catalog.get(model);
    if (record.model !== null) return this.#catalog.get(record.model);
    if (keyRef === undefined && this.#catalog.all.length === 1) return this.#catalog.choose(undefined);
    return this.#catalog.get((await this.#keys.resolve(record.clientId, keyRef, null)).model);
  }
}

const NOBODY_LEAVES = new AbortController().signal;

function jobNameOf({ clientId, sessionId }: SessionRecord): JobName {
  return { kind: 'session', clientId, id: sessionId };
}

function evaluationOf(record: SessionRecord, keySet: KeySetRecord, model: ServedModel): Job {
  return {
    ...jobNameOf(record),
    keyRef: keySet.keyRef,
    artifact: model.digest,
    affinity: affinityOf(keySet, model),
    costSeconds: model.costSeconds,
  };
}
