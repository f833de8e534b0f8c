/** The main thread's end: typed requests to a worker, with a watchdog for workers that no longer do anything. */
import { Worker } from 'node:worker_threads';
import { BackendError } from '../../errors.ts';
import type { HeError } from '../../errors.ts';
import type { Heartbeat } from './control.ts';
import type { Reply, Request, WorkerApi } from './serve.ts';
import { reviveError } from './transported-error.ts';

/** Longer than the longest single call into SEAL: making a context at N = 32768 takes 15 s on an idle machine. */
export const DEFAULT_STALL_MS = 180_000;

export interface WatchdogOptions {
  readonly heartbeat: Heartbeat;
  /** A request during which the heart does not beat for so long is taken to hang. */
  readonly stallMs: number;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: HeError) => void;
}

/** The entry beside `importer`, a TypeScript source or its compiled form, whichever `importer` is. */
export function workerEntry(importer: string, name: string): URL {
  return new URL(`./${name}${importer.endsWith('.ts') ? '.ts' : '.js'}`, importer);
}

export class WorkerChannel<Api extends WorkerApi> implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #watchdog: WatchdogOptions;
  #timer: NodeJS.Timeout | null = null;
  #nextId = 0;
  #failure: HeError | null = null;

  constructor(entry: URL, watchdog: WatchdogOptions) {
    this.#watchdog = watchdog;
    this.#worker = new Worker(entry);
    this.#worker.on('message', (reply: Reply) => this.#settle(reply));
    this.#worker.on('error', (error: Error) => this.#fail(workerFailed(error.message)));
    this.#worker.on('exit', (code) => this.#fail(workerFailed(`it ended with code ${code}`)));
  }

  /** The error that ended the worker, if it has ended. */
  get failure(): HeError | null {
    return this.#failure;
  }

  call<M extends keyof Api & string>(
    method: M,
    argument: Parameters<Api[M]>[0],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<Awaited<ReturnType<Api[M]>>> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const id = this.#nextId++;
    const promise = new Promise<unknown>((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    this.#worker.postMessage({ id, method, argument } satisfies Request, [...transfer]);
    this.#watch();
    return promise as Promise<Awaited<ReturnType<Api[M]>>>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail(new BackendError('CLOSED', 'the worker has been closed'));
    await this.#worker.terminate();
  }

  #settle(reply: Reply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    // A reply is a sign of life as good as a heartbeat.
    this.#stopWatching();
    if (this.#pending.size > 0) this.#watch();
    if ('error' in reply) pending?.reject(reviveError(reply.error));
    else pending?.resolve(reply.result);
  }

  #fail(error: HeError): void {
    this.#failure ??= error;
    this.#stopWatching();
    for (const { reject } of this.#pending.values()) reject(this.#failure);
    this.#pending.clear();
  }

  #watch(): void {
    if (this.#timer !== null) return;
    const { heartbeat, stallMs } = this.#watchdog;
    let last = heartbeat.read();
    this.#timer = setInterval(() => {
      const now = heartbeat.read();
      if (now === last) {
        const seconds = Math.round(stallMs / 1000);
        this.#fail(
          new BackendError('WORKER_STALLED', `a worker made no progress for ${seconds} s and was ended`),
        );
        void this.#worker.terminate();
      }
      last = now;
    }, stallMs);
  }

  #stopWatching(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

function workerFailed(reason: string): BackendError {
  return new BackendError('WORKER_FAILED', `a worker failed: ${reason}`);
}
