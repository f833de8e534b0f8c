/**
 * The embedded queue: first come first served within a client, round robin between clients, bounded in all. A client whose
 * evaluator is warm may run a few jobs in a row before the turn passes on, since loading keys costs more than a job; the
 * number bounds how long others wait.
 */
import { ToolError } from '../protocol/error-codes.ts';
import type { EvaluationJob, EvaluationQueue, JobRun, QueuePosition } from './evaluation-queue.ts';

export interface FairQueueOptions {
  /** Jobs that run at the same time. */
  readonly concurrency: number;
  /** Jobs that wait, all clients together. */
  readonly capacity: number;
  readonly capacityPerClient: number;
  readonly concurrencyPerClient: number;
  /** Jobs in a row for one client while others wait. */
  readonly quantum: number;
  /** A turn goes on beyond that as long as it is younger, so that short jobs make up for what was loaded for them. */
  readonly quantumMs: number;
}

interface Turn {
  /** Jobs started in it so far. */
  readonly started: number;
  /** When its first job ended: what that one loaded is not counted. Null before. */
  readonly since: number | null;
}

interface Entry {
  readonly job: EvaluationJob;
  readonly abort: AbortController;
  readonly start: () => Promise<void>;
  readonly refuse: (error: ToolError) => void;
}

export class FairQueue implements EvaluationQueue {
  readonly #options: FairQueueOptions;
  /** In turn order: the first client with a job that may run is next. A client leaves when nothing of it waits. */
  readonly #waiting = new Map<string, Entry[]>();
  readonly #active = new Set<Entry>();
  readonly #turns = new Map<string, Turn>();
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(options: FairQueueOptions) {
    this.#options = options;
  }

  get depth(): number {
    let depth = 0;
    for (const entries of this.#waiting.values()) depth += entries.length;
    return depth;
  }

  get running(): number {
    return this.#active.size;
  }

  requireRoom(clientId: string): void {
    if (this.#closed) throw shuttingDown();
    const { capacity, capacityPerClient } = this.#options;
    const own = this.#waiting.get(clientId)?.length ?? 0;
    if (this.depth < capacity && own < capacityPerClient) return;
    const whose = this.depth >= capacity ? 'the server has' : 'this client has';
    throw new ToolError('ERROR_BUSY', `${whose} as many evaluations waiting as it may`, {
      retryAfterMs: 2000,
    });
  }

  async submit<T>(job: EvaluationJob, run: (run: JobRun) => Promise<T>): Promise<T> {
    this.requireRoom(job.clientId);
    const own = this.#waiting.get(job.clientId) ?? [];
    return new Promise<T>((resolve, reject) => {
      const abort = new AbortController();
      const entry: Entry = {
        job,
        abort,
        start: () => run({ signal: abort.signal }).then(resolve, reject),
        refuse: reject,
      };
      own.push(entry);
      this.#waiting.set(job.clientId, own);
      this.#pump();
    });
  }

  cancel(clientId: string, sessionId: string): boolean {
    const own = this.#waiting.get(clientId) ?? [];
    const at = own.findIndex(({ job }) => job.sessionId === sessionId);
    const waiting = own[at];
    if (waiting !== undefined) {
      own.splice(at, 1);
      if (own.length === 0) this.#waiting.delete(clientId);
      waiting.refuse(cancelledJob());
      return true;
    }
    const active = this.#running(clientId, sessionId);
    active?.abort.abort();
    return active !== undefined;
  }

  position(clientId: string, sessionId: string): QueuePosition | null {
    if (this.#running(clientId, sessionId) !== undefined) return { ahead: 0, running: true };
    const own = this.#waiting.get(clientId) ?? [];
    const at = own.findIndex(({ job }) => job.sessionId === sessionId);
    if (at < 0) return null;
    // In the meantime every other client gets as many turns, as far as it has jobs.
    let ahead = at;
    for (const [other, entries] of this.#waiting) {
      if (other !== clientId) ahead += Math.min(entries.length, at + 1);
    }
    return { ahead, running: false };
  }

  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    for (const entries of this.#waiting.values()) for (const entry of entries) entry.refuse(shuttingDown());
    this.#waiting.clear();
    if (this.#active.size === 0) return;
    const timer = setTimeout(() => {
      for (const entry of this.#active) entry.abort.abort();
    }, graceMs);
    await new Promise<void>((resolve) => this.#idle.push(resolve));
    clearTimeout(timer);
  }

  #running(clientId: string, sessionId: string): Entry | undefined {
    return [...this.#active].find(({ job }) => job.clientId === clientId && job.sessionId === sessionId);
  }

  #pump(): void {
    while (this.#active.size < this.#options.concurrency) {
      const clientId = this.#nextClient();
      if (clientId === null) return;
      const own = this.#waiting.get(clientId)!;
      const entry = own.shift()!;
      if (own.length === 0) {
        this.#waiting.delete(clientId);
        this.#turns.delete(clientId);
      }
      this.#active.add(entry);
      void entry.start().finally(() => {
        this.#active.delete(entry);
        const turn = this.#turns.get(clientId);
        if (turn?.since === null) this.#turns.set(clientId, { ...turn, since: performance.now() });
        this.#pump();
        if (this.#active.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
      });
    }
  }

  /** Whose turn it is; the client goes to the end of the line when its turn is over. */
  #nextClient(): string | null {
    const now = performance.now();
    for (const clientId of this.#waiting.keys()) {
      const active = [...this.#active].filter(({ job }) => job.clientId === clientId).length;
      if (active >= this.#options.concurrencyPerClient) continue;
      const { started, since } = this.#turns.get(clientId) ?? { started: 0, since: null };
      const { quantum, quantumMs } = this.#options;
      const young = quantumMs > 0 && (since === null || now - since < quantumMs);
      if (started + 1 < quantum || young) {
        this.#turns.set(clientId, { started: started + 1, since });
      } else {
        const own = this.#waiting.get(clientId)!;
        this.#waiting.delete(clientId);
        this.#waiting.set(clientId, own);
        this.#turns.delete(clientId);
      }
      return clientId;
    }
    return null;
  }
}

function cancelledJob(): ToolError {
  return new ToolError('ERROR_CANCELLED', 'the evaluation was cancelled before it began');
}

function shuttingDown(): ToolError {
  return new ToolError(
    'ERROR_SHUTTING_DOWN',
    'the server is stopping; queued evaluations continue after its restart',
  );
}
