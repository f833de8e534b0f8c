/**
 * Loaded keys: one evaluation process for each pair of key set and model, kept as long as memory allows and ended least
 * recently used first. What is reserved never exceeds the bound; who finds no room waits for a lease to end.
 */
import { ToolError } from '../../protocol/error-codes.ts';
import type { Log } from '../../hosting/log.ts';
import type { Metrics } from '../../hosting/metrics.ts';
import type { MemoryNeed } from './memory-need.ts';
import type { ProcessProgress } from './evaluator-process.ts';
import { EvaluatorProcess } from './evaluator-process.ts';
import type { Opening } from './process-protocol.ts';

interface Slot {
  readonly bytes: number;
  readonly process: Promise<EvaluatorProcess>;
  leases: number;
  usedAt: number;
}

export interface Lease extends Disposable {
  readonly process: EvaluatorProcess;
}

export interface EvaluatorRequest {
  /** Names the pair of key set and model. */
  readonly affinity: string;
  readonly opening: Omit<Opening, 'threads' | 'evaluatorBytes'>;
  /** Has what is to be loaded where a process can read it, until it is disposed of. */
  readonly bring: (signal: AbortSignal) => Promise<Disposable>;
  readonly need: MemoryNeed;
}

export class EvaluatorPool implements AsyncDisposable {
  readonly #slots = new Map<string, Slot>();
  readonly #maxBytes: number;
  readonly #log: Log;
  readonly #metrics: Metrics;
  #waiting: (() => void)[] = [];
  #uses = 0;
  #closed = false;

  constructor(maxBytes: number, log: Log, metrics: Metrics) {
    this.#maxBytes = maxBytes;
    this.#log = log;
    this.#metrics = metrics;
  }

  /** Sum of what the processes may use. */
  get reservedBytes(): number {
    let sum = 0;
    for (const { bytes } of this.#slots.values()) sum += bytes;
    return sum;
  }

  get size(): number {
    return this.#slots.size;
  }

  /** @throws ToolError ERROR_MEMORY_EXCEEDED, ERROR_CANCELLED, or why the keys cannot be used */
  async acquire(request: EvaluatorRequest, progress: ProcessProgress, signal: AbortSignal): Promise<Lease> {
    for (;;) {
      if (this.#closed) throw new ToolError('ERROR_SHUTTING_DOWN', 'the server is stopping');
      const slot = this.#slots.get(request.affinity) ?? this.#start(request, progress, signal);
      if (slot === null) {
        await this.#room(signal);
        continue;
      }
      slot.leases++;
      slot.usedAt = ++this.#uses;
      const release = (): void => {
        slot.leases--;
        for (const wake of this.#waiting.splice(0)) wake();
      };
      try {
        const process = await slot.process;
        if (process.alive) return { process, [Symbol.dispose]: release };
        this.#forget(request.affinity, slot);
      } catch (error) {
        this.#forget(request.affinity, slot);
        release();
        // Whoever started it may have gone away; that is no reason not to start it for this caller.
        if (error instanceof ToolError && error.code === 'ERROR_CANCELLED' && !signal.aborted) continue;
        throw error;
      }
      release();
    }
  }

  /** Affinities of what is loaded or being loaded. */
  get warm(): readonly string[] {
    return [...this.#slots.keys()];
  }

  /** Ends the processes that hold these keys; without a name, all of them. */
  async drop(clientId?: string, keyRef?: string): Promise<void> {
    for (const [affinity, slot] of [...this.#slots])
      if (clientId === undefined || affinity.startsWith(`${clientId} ${keyRef} `))
        await this.#end(affinity, slot);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.drop();
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** null if there is no room yet */
  #start(request: EvaluatorRequest, progress: ProcessProgress, signal: AbortSignal): Slot | null {
    const { affinity, need } = request;
    if (need.totalBytes > this.#maxBytes) {
      throw new ToolError(
        'ERROR_MEMORY_EXCEEDED',
        `${mebibytes(need.totalBytes)} are needed, ${mebibytes(this.#maxBytes)} are allowed for all evaluations`,
      );
    }
    if (!this.#makeRoom(need.totalBytes)) return null;
    const process = openProcess(request, progress, signal);
    const slot: Slot = { bytes: need.totalBytes, process, leases: 0, usedAt: 0 };
    this.#slots.set(affinity, slot);
    this.#metrics.add('evaluator_starts_total');
    const start = performance.now();
    process.then(
      (started) => {
        this.#metrics.add('evaluator_loading_seconds_total', (performance.now() - start) / 1000);
        started.onExit = (unasked, stderr) => {
          this.#forget(affinity, slot);
          if (!unasked) return;
          this.#metrics.add('evaluator_crashes_total');
          this.#log('error', 'evaluation process ended', { detail: stderr });
        };
        if (started.memoryBytes > need.totalBytes) {
          this.#log('warn', 'evaluation process is larger than forecast', { bytes: started.memoryBytes });
        }
      },
      () => undefined,
    );
    return slot;
  }

  #makeRoom(bytes: number): boolean {
    while (this.reservedBytes + bytes > this.#maxBytes) {
      const idle = [...this.#slots].filter(([, { leases }]) => leases === 0);
      const [oldest] = idle.toSorted(([, a], [, b]) => a.usedAt - b.usedAt);
      if (oldest === undefined) return false;
      this.#metrics.add('evaluator_evictions_total');
      void this.#end(...oldest);
    }
    return true;
  }

  #room(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => reject(new ToolError('ERROR_CANCELLED', 'cancelled while waiting for memory'));
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop, { once: true });
      this.#waiting.push(() => {
        signal.removeEventListener('abort', stop);
        resolve();
      });
    });
  }

  #forget(affinity: string, slot: Slot): void {
    if (this.#slots.get(affinity) !== slot) return;
    this.#slots.delete(affinity);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #end(affinity: string, slot: Slot): Promise<void> {
    this.#forget(affinity, slot);
    await slot.process.then(
      (process) => process.kill(),
      () => undefined,
    );
  }
}

async function openProcess(
  { opening, bring, need }: EvaluatorRequest,
  progress: ProcessProgress,
  signal: AbortSignal,
): Promise<EvaluatorProcess> {
  using _ = await bring(signal);
  const { threads, evaluatorBytes } = need;
  return await EvaluatorProcess.open({ ...opening, threads, evaluatorBytes }, progress, signal);
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
