/** The queue of a server that does its own work: in this process, bounded, in fair turns; the records say after a restart what was in it. */
import { ToolError } from '../protocol/error-codes.ts';
import type {
  Claim,
  EvaluationQueue,
  Job,
  JobEnd,
  JobFailure,
  JobName,
  JobProgress,
  JobStand,
  ProgressListener,
  QueueGauges,
  WorkOffer,
} from './evaluation-queue.ts';
import { jobText, queueFull, STOPPING } from './evaluation-queue.ts';
import type { TurnOptions } from './fair-turns.ts';
import { FairTurns } from './fair-turns.ts';
import type { MetadataStore } from './metadata-store.ts';
import type { SessionRecord } from './records.ts';

export interface EmbeddedQueueOptions extends TurnOptions {
  /** Sessions that wait, all clients together. */
  readonly capacity: number;
  readonly capacityPerClient: number;
}

interface Entry {
  readonly clientId: string;
  readonly job: Job;
  readonly session: SessionRecord | null;
  readonly abort: AbortController;
  readonly finished: Promise<JobFailure | null>;
  readonly finish: (failure: JobFailure | null) => void;
  readonly listeners: Set<ProgressListener>;
  /** Resolves when its record is written; it waits for its turn from then on. */
  written: Promise<void>;
  running: boolean;
  /** It has ended, which is being written. */
  leaving: boolean;
  /** Callers that wait for it; it goes on without any if it was detached. */
  waiters: number;
  detached: boolean;
  progress: JobProgress | null;
}

export class EmbeddedQueue implements EvaluationQueue {
  readonly #store: MetadataStore;
  readonly #options: EmbeddedQueueOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #turns: Readonly<Record<Job['kind'], FairTurns<Entry>>>;
  #wakes: (() => void)[] = [];
  #epoch = 0;
  #closed = false;

  constructor(store: MetadataStore, options: EmbeddedQueueOptions) {
    this.#store = store;
    this.#options = options;
    // Loading is bounded by the memory for it, and nobody has to wait for others' evaluations before his keys are looked at.
    const unbounded = { concurrencyPerClient: Infinity, quantum: 1, quantumMs: 0 };
    this.#turns = { session: new FairTurns(options), keys: new FairTurns(unbounded) };
  }

  async requireRoom(clientId: string): Promise<void> {
    this.#requireRoom(clientId);
  }

  async order(job: Job, session: SessionRecord | null): Promise<void> {
    const name = jobText(job);
    for (let known = this.#entries.get(name); known !== undefined; known = this.#entries.get(name)) {
      if (!known.leaving) return known.written;
      // How it ended is being written: it is not under way any more once that is done.
      await known.finished;
    }
    if (job.kind === 'session') this.#requireRoom(job.clientId);
    else if (this.#closed) throw new ToolError(STOPPING.code, STOPPING.message);
    let finish: Entry['finish'] = () => undefined;
    const finished = new Promise<JobFailure | null>((resolve) => (finish = resolve));
    const entry: Entry = {
      ...{ clientId: job.clientId, job, session, finished, finish },
      ...{ abort: new AbortController(), listeners: new Set(), written: Promise.resolve() },
      ...{ running: false, leaving: false, waiters: 0, detached: job.kind === 'keys', progress: null },
    };
    this.#entries.set(name, entry);
    if (session !== null) {
      entry.written = this.#store.putSession(session);
      try {
        await entry.written;
      } catch (error) {
        this.#entries.delete(name);
        finish(null);
        throw error;
      }
    }
    this.#turns[job.kind].push(entry);
    this.#wake();
  }

  async wait(
    name: JobName,
    listener: ProgressListener,
    signal: AbortSignal,
  ): Promise<JobFailure | null | undefined> {
    const entry = this.#entries.get(jobText(name));
    if (entry === undefined) return undefined;
    entry.listeners.add(listener);
    entry.waiters++;
    let goAway: (nothing: null) => void = () => undefined;
    const left = new Promise<null>((resolve) => (goAway = resolve));
    const leave = (): void => {
      if (entry.waiters > 1 || entry.detached) goAway(null);
      else void this.cancel(name).catch(() => goAway(null));
    };
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    try {
      return await Promise.race([entry.finished, left]);
    } finally {
      signal.removeEventListener('abort', leave);
      entry.waiters--;
      entry.listeners.delete(listener);
    }
  }

  async detach(name: JobName): Promise<void> {
    const entry = this.#entries.get(jobText(name));
    if (entry !== undefined) entry.detached = true;
  }

  async cancel(name: JobName): Promise<boolean> {
    const entry = this.#entries.get(jobText(name));
    if (entry === undefined) return false;
    await entry.written.catch(() => undefined);
    if (entry.running) {
      entry.abort.abort();
      return true;
    }
    if (!this.#turns[entry.job.kind].remove(entry)) return false;
    await this.#leave(entry, null, () => this.#put(entry, 'cancelled'));
    return true;
  }

  async stand(name: JobName): Promise<JobStand | null> {
    const entry = this.#entries.get(jobText(name));
    if (entry === undefined) return null;
    const ahead = entry.running ? 0 : (this.#turns[entry.job.kind].ahead(entry) ?? 0);
    return { position: { ahead, running: entry.running }, progress: entry.progress };
  }

  async claim({ kind }: WorkOffer, signal: AbortSignal): Promise<Claim | null> {
    for (;;) {
      if (this.#closed || signal.aborted) return null;
      const entry = this.#turns[kind].next();
      if (entry === null) {
        await this.#change(signal);
        continue;
      }
      entry.running = true;
      // Tells whoever asks, and decides nothing: where there is no room to say it, it runs all the same.
      await this.#put(entry, 'running').catch(() => undefined);
      return this.#claimOf(entry);
    }
  }

  async gauges(): Promise<QueueGauges> {
    const sessions = [...this.#entries.values()].filter(({ job }) => job.kind === 'session');
    const running = sessions.filter((entry) => entry.running).length;
    return { waiting: sessions.length - running, running };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const [name, entry] of this.#entries) {
      if (entry.running || entry.leaving) continue;
      this.#turns[entry.job.kind].remove(entry);
      this.#entries.delete(name);
      entry.finish(STOPPING);
    }
    this.#wake();
  }

  #claimOf(entry: Entry): Claim {
    const { job, session } = entry;
    return {
      ...{ job, session, epoch: ++this.#epoch, losses: 0, signal: entry.abort.signal },
      report: (progress) => {
        const fraction = Math.max(entry.progress?.fraction ?? 0, progress.fraction);
        entry.progress = { ...progress, fraction };
        for (const listener of entry.listeners) listener(entry.progress);
      },
      end: async (end) => {
        const failure = end.kind === 'keys' ? end.failure : null;
        await this.#leave(entry, failure, () => this.#write(entry, end));
        return true;
      },
      giveBack: () => this.#takeBack(entry),
    };
  }

  async #takeBack(entry: Entry): Promise<void> {
    if (entry.abort.signal.aborted) return this.#leave(entry, null, () => this.#put(entry, 'cancelled'));
    if (this.#closed) return this.#leave(entry, STOPPING, () => this.#put(entry, 'queued'));
    await this.#put(entry, 'queued');
    // It may have been closed or cancelled meanwhile.
    if (this.#closed || entry.abort.signal.aborted) return this.#takeBack(entry);
    const turns = this.#turns[entry.job.kind];
    turns.ended(entry);
    entry.running = false;
    turns.pushFirst(entry);
    this.#wake();
  }

  async #write({ job }: Entry, end: JobEnd): Promise<void> {
    if (end.kind === 'session') return this.#store.putSession(end.record);
    if (end.state === 'provisioning') return;
    const rejection = end.state === 'rejected' ? (end.failure?.code ?? null) : null;
    await this.#store.settleKeys(job.clientId, job.keyRef, end.state, rejection, Date.now());
  }

  async #put({ session }: Entry, state: SessionRecord['state']): Promise<void> {
    if (session !== null) await this.#store.putSession({ ...session, state });
  }

  /** It is not under way any more, whether or not that can be written. */
  async #leave(entry: Entry, failure: JobFailure | null, write: () => Promise<void>): Promise<void> {
    entry.leaving = true;
    try {
      await write();
    } finally {
      this.#entries.delete(jobText(entry.job));
      if (entry.running) this.#turns[entry.job.kind].ended(entry);
      entry.finish(failure);
      this.#wake();
    }
  }

  #requireRoom(clientId: string): void {
    if (this.#closed) throw new ToolError(STOPPING.code, STOPPING.message);
    const { capacity, capacityPerClient } = this.#options;
    let [all, own] = [0, 0];
    for (const { job, running } of this.#entries.values()) {
      if (running || job.kind !== 'session') continue;
      all++;
      if (job.clientId === clientId) own++;
    }
    if (all < capacity && own < capacityPerClient) return;
    throw queueFull(all >= capacity);
  }

  #wake(): void {
    for (const wake of this.#wakes.splice(0)) wake();
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
      this.#wakes.push(wake);
    });
  }
}
