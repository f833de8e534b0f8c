/** Runs one queued evaluation in the process that holds its keys, and says what became of it. */
import type { Program } from '../../program/program.ts';
import { isErrorCode, ToolError } from '../protocol/error-codes.ts';
import { toToolError } from '../protocol/translate-error.ts';
import type { KeySetRecord, SessionOutcome, SessionRecord } from '../storage/records.ts';
import type { KeyProvisioning } from './key-provisioning.ts';
import type { Log } from '../hosting/log.ts';
import type { Metrics } from '../hosting/metrics.ts';
import type { ServedModel } from './model-catalog.ts';
import type { StagedFile } from '../hosting/staging.ts';
import { ownerPrefix } from '../hosting/staging.ts';

export interface ProgressListener {
  /** `activity`: as `message`, in more detail. */
  (fraction: number, message: string, activity?: string): void;
}

export interface EvaluationTask {
  readonly record: SessionRecord;
  readonly keySet: KeySetRecord;
  readonly model: ServedModel;
  readonly files: readonly StagedFile[];
  readonly signal: AbortSignal;
}

/** A crashed process may have been killed for reasons of its own; once more shows whether the job is to blame. */
const ATTEMPTS = 2;
/** Loading keys counts as so much of the progress of a job that has to. */
const LOADING_SHARE = 0.3;

export class EvaluationRunner {
  readonly #keys: KeyProvisioning;
  readonly #timeoutMs: number;
  readonly #log: Log;
  readonly #metrics: Metrics;
  /** While the server stops, jobs that are aborted wait for the next start. */
  stopping = false;

  constructor(keys: KeyProvisioning, timeoutMs: number, log: Log, metrics: Metrics) {
    this.#keys = keys;
    this.#timeoutMs = timeoutMs;
    this.#log = log;
    this.#metrics = metrics;
  }

  /** @throws ToolError */
  async run(
    task: EvaluationTask,
    progress: ProgressListener,
  ): Promise<SessionOutcome & { readonly ok: true }> {
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    const signal = AbortSignal.any([task.signal, timeout]);
    const { clientId: client, sessionId: session } = task.record;
    const start = performance.now();
    try {
      const outcome = await this.#attempt({ ...task, signal }, progress);
      this.#metrics.add('evaluations_total', 1, ['outcome', 'done']);
      this.#metrics.add('evaluation_seconds_total', outcome.inferSeconds);
      this.#log('info', 'evaluated', {
        client,
        session,
        model: task.model.id,
        ms: Math.round(performance.now() - start),
      });
      return outcome;
    } catch (thrown) {
      const error = timeout.aborted
        ? new ToolError('ERROR_TIMEOUT', `the evaluation was ended after ${this.#timeoutMs / 1000} s`)
        : toToolError(thrown, 'ciphertexts');
      this.#metrics.add('evaluations_total', 1, ['outcome', error.code]);
      this.#log('warn', 'evaluation ended', { client, session, model: task.model.id, code: error.code });
      throw error;
    }
  }

  /** The record of a session whose evaluation did not succeed. */
  failed(record: SessionRecord, thrown: unknown): SessionRecord {
    const { code, message } = toToolError(thrown, 'ciphertexts');
    if (
      this.stopping &&
      (code === 'ERROR_CANCELLED' || code === 'ERROR_SHUTTING_DOWN' || code === 'ERROR_EVALUATION_FAILED')
    )
      return { ...record, state: 'queued' };
    if (code === 'ERROR_CANCELLED') return { ...record, state: 'cancelled' };
    // Refused before it was queued: as if it had not been asked for.
    if (code === 'ERROR_BUSY') return { ...record, state: 'staging', queuedAt: null };
    return { ...record, state: 'failed', outcome: { ok: false, errorCode: code, message } };
  }

  async #attempt(
    task: EvaluationTask,
    progress: ProgressListener,
  ): Promise<SessionOutcome & { readonly ok: true }> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(task, progress);
      } catch (error) {
        const crashed = error instanceof ToolError && error.code === 'ERROR_EVALUATION_FAILED';
        if (!crashed || attempt === ATTEMPTS || task.signal.aborted || this.stopping) throw error;
        this.#log('warn', 'evaluation is tried again', {
          client: task.record.clientId,
          session: task.record.sessionId,
        });
      }
    }
  }

  async #once(
    { record, keySet, model, files, signal }: EvaluationTask,
    progress: ProgressListener,
  ): Promise<SessionOutcome & { readonly ok: true }> {
    let loaded = 0;
    using lease = await this.#keys.load(
      keySet,
      model,
      record.ompThreads,
      (stage, fraction) => {
        // Keys first, then encoding: each is half of it.
        const done = stage === 'keys' ? fraction / 2 : 0.5 + fraction / 2;
        loaded = Math.max(loaded, done * LOADING_SHARE);
        progress(loaded, 'loading keys');
      },
      signal,
    );
    const inputs = files.map(({ chunks }) => ({ chunks, sha256: null }));
    const order = { inputs, outputKey: resultKey(record) };
    const layers = layerNumbers(model.artifact.program);
    const outcome = await lease.process.evaluate(
      order,
      (_stage, fraction, layer = '') => {
        const number = layers.get(layer);
        const activity = number === undefined ? undefined : `layer ${number} of ${layers.size}`;
        progress(loaded + fraction * (1 - loaded), 'evaluating', activity);
      },
      signal,
    );
    return { ok: true, ...outcome };
  }
}

/** From 1, in the order in which a program comes to its layers. */
function layerNumbers({ instructions }: Program): ReadonlyMap<string, number> {
  return new Map([...new Set(instructions.map(({ layer }) => layer))].map((layer, i) => [layer, i + 1]));
}

/** Beside the inputs, under a name that no input has. */
export function resultKey({ clientId, sessionId }: SessionRecord): string {
  return `${ownerPrefix({ clientId, kind: 'session', id: sessionId })}/result`;
}

export function outcomeError(record: SessionRecord): ToolError | null {
  const { outcome } = record;
  if (outcome === null || outcome.ok) return null;
  return new ToolError(
    isErrorCode(outcome.errorCode) ? outcome.errorCode : 'ERROR_INTERNAL',
    outcome.message,
  );
}
