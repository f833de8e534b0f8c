/** Runs one evaluation in the process that holds its keys, and says what came of it. */
import type { Program } from '../../../program/program.ts';
import { ToolError } from '../../protocol/error-codes.ts';
import { toToolError } from '../../protocol/translate-error.ts';
import type { ProgressListener } from '../../storage/evaluation-queue.ts';
import type { NearBlobs } from '../../storage/near-blobs.ts';
import type { KeySetRecord, SessionOutcome, SessionRecord } from '../../storage/records.ts';
import type { Log } from '../../hosting/log.ts';
import type { Metrics } from '../../hosting/metrics.ts';
import type { StagedFile } from '../../hosting/staging.ts';
import type { ServedModel } from '../model-catalog.ts';
import type { KeyLoading } from './key-loading.ts';

export interface EvaluationTask {
  readonly record: SessionRecord;
  readonly keySet: KeySetRecord;
  readonly model: ServedModel;
  readonly files: readonly StagedFile[];
  readonly outputKey: string;
  /** How often it was tried before, elsewhere. */
  readonly losses: number;
  readonly signal: AbortSignal;
}

export type Evaluated = SessionOutcome & { readonly ok: true };

/** A crashed process may have been killed for reasons of its own; once more shows whether the job is to blame. */
const ATTEMPTS = 2;
/** Loading keys counts as so much of the progress of a job that has to. */
const LOADING_SHARE = 0.3;
const LOADING = 'loading keys';
const EVALUATING = 'evaluating';

export class EvaluationRunner {
  readonly #loading: KeyLoading;
  readonly #near: NearBlobs;
  readonly #timeoutMs: number;
  readonly #log: Log;
  readonly #metrics: Metrics;
  /** While the server stops, jobs that are aborted wait for the next start. */
  stopping = false;

  constructor(loading: KeyLoading, near: NearBlobs, timeoutMs: number, log: Log, metrics: Metrics) {
    this.#loading = loading;
    this.#near = near;
    this.#timeoutMs = timeoutMs;
    this.#log = log;
    this.#metrics = metrics;
  }

  /** @throws ToolError */
  async run(task: EvaluationTask, progress: ProgressListener): Promise<Evaluated> {
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

  async #attempt(task: EvaluationTask, progress: ProgressListener): Promise<Evaluated> {
    for (let attempt = task.losses + 1; ; attempt++) {
      try {
        return await this.#once(task, progress);
      } catch (error) {
        const crashed = error instanceof ToolError && error.code === 'ERROR_EVALUATION_FAILED';
        if (!crashed || attempt >= ATTEMPTS || task.signal.aborted || this.stopping) throw error;
        this.#log('warn', 'evaluation is tried again', {
          client: task.record.clientId,
          session: task.record.sessionId,
        });
      }
    }
  }

  async #once(
    { record, keySet, model, files, outputKey, signal }: EvaluationTask,
    progress: ProgressListener,
  ): Promise<Evaluated> {
    let loaded = 0;
    using lease = await this.#loading.load(
      keySet,
      model,
      record.ompThreads,
      (stage, fraction) => {
        // Keys first, then encoding: each is half of it.
        const done = stage === 'keys' ? fraction / 2 : 0.5 + fraction / 2;
        loaded = Math.max(loaded, done * LOADING_SHARE);
        progress({ fraction: loaded, message: LOADING, activity: LOADING });
      },
      signal,
    );
    const inputs = files.map(({ chunks }) => ({ chunks: chunks.map(({ key }) => key), sha256: null }));
    using _ = await this.#near.bring(
      files.flatMap(({ chunks }) => chunks),
      signal,
    );
    const layers = layerNumbers(model.artifact.program);
    const outcome = await lease.process.evaluate(
      { inputs, outputKey },
      (_stage, fraction, layer = '') => {
        const number = layers.get(layer);
        const activity = number === undefined ? EVALUATING : `layer ${number} of ${layers.size}`;
        progress({ fraction: loaded + fraction * (1 - loaded), message: EVALUATING, activity });
      },
      signal,
    );
    await this.#near.publish(outputKey);
    return { ok: true, ...outcome, resultKey: outputKey };
  }
}

/** From 1, in the order in which a program comes to its layers. */
function layerNumbers({ instructions }: Program): ReadonlyMap<string, number> {
  return new Map([...new Set(instructions.map(({ layer }) => layer))].map((layer, i) => [layer, i + 1]));
}
