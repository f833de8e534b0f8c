/** The public side: evaluates an artifact's program on encrypted inputs, in worker threads. */
import type { Artifact } from '../../program/artifact.ts';
import { scaleDivisors } from '../../program/parameters.ts';
import { DEFAULT_THREADS } from '../../program/memory-model.ts';
import type { BackendName } from '../backend.ts';
import type { CiphertextSet, ExpectedTensor } from '../formats/ciphertext-set.ts';
import { requireTensors } from '../formats/ciphertext-set.ts';
import type { EvaluationKeys } from '../formats/evaluation-keys.ts';
import type { Origin, Setting } from '../formats/origin.ts';
import { requireKeySet } from '../formats/origin.ts';
import { parametersDigest } from '../formats/parameters-digest.ts';
import { DEFAULT_STALL_MS, WorkerChannel, workerEntry } from '../workers/channel.ts';
import { Cancellation, Heartbeat, cancelled } from '../workers/control.ts';
import type { EvaluationProgress } from './load-worker.ts';
import { encodeAhead, loadKeys, requireFittingKeys } from './load-worker.ts';
import { planMemory } from './memory-plan.ts';
import type { Partition } from './partition.ts';
import { SEAL_COSTS, choosePartition } from './partition.ts';
import type { EvaluationWorker } from './placement.ts';
import { runProgram } from './run-program.ts';
import type { WorkerStatus } from './worker-session.ts';
import { shareProgram } from './share-program.ts';

/** What an evaluator needs of an artifact. */
export type EvaluableArtifact = Pick<Artifact, 'program' | 'parameters'>;

export interface EvaluatorOptions {
  readonly backend: BackendName;
  /** Threads wanted; fewer are used if memory or processors do not allow them. */
  readonly threads?: number;
  /** Bound of all threads' memory together. */
  readonly maxMemoryMb?: number;
  /**
   * Whether keys that have buffers of their own may be handed over to the worker, where there is one: they are gone for who calls, so that
   * they are never twice in memory. Forecasts of memory count on it.
   */
  readonly takeKeys?: boolean;
  /** Time without any progress after which a worker is taken to hang. */
  readonly stallMs?: number;
  /** Split single evaluations among workers where that is predicted to pay; on by default. */
  readonly split?: boolean;
  readonly progress?: (progress: EvaluationProgress) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface EvaluateOptions {
  readonly progress?: (progress: EvaluationProgress) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface Evaluation {
  readonly outputs: CiphertextSet;
  readonly layerMs: readonly { readonly layer: string; readonly ms: number }[];
  /** Largest resident size of this process seen, workers included. */
  readonly peakMemoryBytes: number;
}

const DEFAULT_MAX_MEMORY_MB = 6144;

export class Evaluator implements AsyncDisposable {
  readonly #artifact: EvaluableArtifact;
  readonly #origin: Origin;
  readonly #workers: readonly EvaluationWorker[];
  readonly #threadsPerWorker: number;
  readonly #cancellation: Cancellation;
  readonly #partitions: readonly (Partition | null)[];
  #nextId = 0;
  /** Evaluations run one after another: each takes all workers. */
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * Starts workers and gives each the keys.
   * @throws ArtifactError if the keys do not fit, BackendError MEMORY_EXCEEDED or CANCELLED
   */
  static async create(
    artifact: EvaluableArtifact,
    keys: EvaluationKeys | null,
    options: EvaluatorOptions,
  ): Promise<Evaluator> {
    const { backend } = options;
    const scheme = backend === 'cleartext' ? 'cleartext' : artifact.parameters.scheme;
    const setting: Setting = { scheme, parametersDigest: parametersDigest(artifact.parameters) };
    if (backend !== 'cleartext') requireFittingKeys(artifact, keys, setting);
    const origin: Origin = { ...setting, keySet: backend === 'cleartext' ? null : (keys?.keySet ?? null) };
    const maxBytes = (options.maxMemoryMb ?? DEFAULT_MAX_MEMORY_MB) * 2 ** 20;
    const memory = planMemory(artifact, backend, options.threads ?? DEFAULT_THREADS, maxBytes);
    const program = shareProgram(artifact.program);
    const cancellation = new Cancellation();
    const heartbeats = Array.from({ length: memory.workers }, () => new Heartbeat());
    const workers: EvaluationWorker[] = heartbeats.map(
      (heartbeat) =>
        new WorkerChannel(workerEntry(import.meta.url, 'worker'), {
          heartbeat,
          stallMs: options.stallMs ?? DEFAULT_STALL_MS,
        }),
    );
    const split = options.split !== false && backend === 'seal';
    const partitions = program.instructions.map((instruction) =>
      split && instruction.kind === 'linear'
        ? choosePartition(program, instruction, workers.length, SEAL_COSTS)
        : null,
    );
    const evaluator = new Evaluator(artifact, origin, workers, memory.threads, cancellation, partitions);
    try {
      await evaluator.#cancellable(options.signal, () =>
        Promise.all(
          workers.map(async (worker, part) => {
            await worker.call('open', {
              backend,
              parameters: artifact.parameters,
              program,
              memoryBytes: memory.memoryBytes,
              plaintextCacheBytes: memory.plaintextCacheBytes,
              levelEncoders: memory.levelEncoders,
              threads: memory.threads,
              cancellation: cancellation.flag,
              heartbeat: heartbeats[part]!.counter,
            });
            const report = part === 0 ? options.progress : undefined;
            const load = { worker, part, program, cancellation, progress: report };
            if (keys !== null && backend !== 'cleartext')
              await loadKeys(load, keys, options.takeKeys === true && workers.length === 1);
            await encodeAhead(load, partitions);
          }),
        ),
      );
      return evaluator;
    } catch (error) {
      await evaluator[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(
    artifact: EvaluableArtifact,
    origin: Origin,
    workers: readonly EvaluationWorker[],
    threadsPerWorker: number,
    cancellation: Cancellation,
    partitions: readonly (Partition | null)[],
  ) {
    this.#artifact = artifact;
    this.#origin = origin;
    this.#workers = workers;
    this.#threadsPerWorker = threadsPerWorker;
    this.#cancellation = cancellation;
    this.#partitions = partitions;
  }

  /** Threads in use: workers, or those of a worker's own. */
  get threads(): number {
    return this.#workers.length * this.#threadsPerWorker;
  }

  /** How each instruction is divided among the workers; null where it is not. */
  get partitions(): readonly (Partition | null)[] {
    return this.#partitions;
  }

  /**
   * One inference, as quick as possible: all workers share it.
   * @throws ArtifactError if the inputs do not fit, BackendError CANCELLED, MEMORY_EXCEEDED or WORKER_STALLED
   */
  evaluate(inputs: CiphertextSet, options: EvaluateOptions = {}): Promise<Evaluation> {
    return this.#exclusive(() =>
      this.#cancellable(options.signal, () => this.#run(this.#workers, inputs, options)),
    );
  }

  /** Many inferences, as many per second as possible: each worker takes whole ones. Results are in order. */
  evaluateMany(inputs: readonly CiphertextSet[], options: EvaluateOptions = {}): Promise<Evaluation[]> {
    const results: Evaluation[] = [];
    let next = 0;
    const work = async (worker: EvaluationWorker): Promise<void> => {
      for (let index = next++; index < inputs.length; index = next++) {
        results[index] = await this.#run([worker], inputs[index]!, { signal: options.signal });
        options.progress?.({ stage: 'evaluation', layer: '', fraction: (index + 1) / inputs.length });
      }
    };
    return this.#exclusive(() =>
      this.#cancellable(options.signal, async () => {
        const ends = await Promise.allSettled(
          this.#workers.map((worker) =>
            work(worker).catch((error: unknown) => {
              next = inputs.length;
              throw error;
            }),
          ),
        );
        for (const end of ends) if (end.status === 'rejected') throw end.reason;
        return results;
      }),
    );
  }

  /** Of each worker: ciphertexts alive (none between evaluations), memory outside the JavaScript heap, what refreshes have taken. */
  status(): Promise<WorkerStatus[]> {
    return Promise.all(this.#workers.map((worker) => worker.call('status', null)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancellation.set(true);
    await Promise.all(this.#workers.map((worker) => worker[Symbol.asyncDispose]()));
  }

  async #run(
    workers: readonly EvaluationWorker[],
    inputs: CiphertextSet,
    { progress }: EvaluateOptions,
  ): Promise<Evaluation> {
    const { program, parameters } = this.#artifact;
    requireTensors(inputs, this.#origin, expectedTensors(program, program.inputs));
    requireKeySet(inputs, this.#origin, 'the evaluation keys');
    let peakMemoryBytes = 0;
    const onInstruction = (index: number): void => {
      peakMemoryBytes = Math.max(peakMemoryBytes, process.memoryUsage.rss());
      this.#cancellation.check();
      const layer = program.instructions[index]?.layer ?? '';
      progress?.({ stage: 'evaluation', layer, fraction: index / program.instructions.length });
    };
    const { outputs, instructionMs } = await runProgram(program, workers, inputs, {
      primes: scaleDivisors(parameters),
      partitions: this.#partitions,
      newId: () => this.#nextId++,
      onInstruction,
    });
    return {
      outputs: {
        ...this.#origin,
        tensors: program.outputs.map(({ name, value }, i) => {
          const { level, scale } = program.values[value]!;
          return { name, level, scale, ciphertexts: outputs[i]! };
        }),
      },
      layerMs: program.instructions.map(({ layer }, i) => ({ layer, ms: instructionMs[i]! })),
      peakMemoryBytes,
    };
  }

  #exclusive<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(action);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** Lets an AbortSignal stop the workers between two primitive operations. */
  async #cancellable<T>(signal: AbortSignal | undefined, action: () => Promise<T>): Promise<T> {
    if (signal?.aborted === true) throw cancelled();
    const abort = (): void => this.#cancellation.set(true);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await action();
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#cancellation.set(false);
    }
  }
}

/** What the serialized inputs or outputs of a program must be. */
export function expectedTensors(
  program: EvaluableArtifact['program'],
  ports: readonly { readonly name: string; readonly value: number }[],
): ExpectedTensor[] {
  return ports.map(({ name, value }) => {
    const { level, scale, ciphertexts } = program.values[value]!;
    return { name, level, scale, ciphertexts };
  });
}
