/**
 * Work that outlives the call that began it: hosts give up on a call after a minute, or five seconds, and making keys, sending
 * them and evaluating takes longer. Whoever asks the same again joins the work that is under way, or gets what came of it.
 */
import { ToolError } from '../protocol/error-codes.ts';
import type { ToolReport } from '../protocol/tool.ts';

export interface JobStatus {
  /** Session under which it can be asked for. */
  readonly session: string;
  readonly state: 'running' | 'done' | 'failed';
  /** 0 … 1 */
  readonly progress: number;
  /** What it does now. */
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Of what failed. */
  readonly error: ToolError | null;
}

export interface JobOrder<T> {
  /** A session of this client. */
  readonly owner: string;
  readonly session: string;
  /** The same for the same question: whoever asks it while it is being answered gets that answer. */
  readonly question: string;
  run(signal: AbortSignal, report: ToolReport): Promise<T>;
}

/** Nobody has asked for it so long: it is stopped. */
const ABANDONED_MS = 30 * 60_000;
/** What came of it is kept so long for someone who asks again. */
const KEPT_MS = 10 * 60_000;

export class Jobs<T> implements AsyncDisposable {
  readonly #jobs = new Map<string, Job<T>>();
  readonly #abandon: boolean;

  /** @param abandon whether work that nobody asks for is stopped after a while */
  constructor({ abandon = true }: { readonly abandon?: boolean } = {}) {
    this.#abandon = abandon;
  }

  /**
   * Joins the session's work on the same question, or begins it.
   * @throws ToolError ERROR_SESSION_CLOSED if the session is at work on another question
   */
  begin(order: JobOrder<T>): Job<T> {
    const name = nameOf(order.owner, order.session);
    const known = this.#jobs.get(name);
    if (known !== undefined) {
      if (known.order.question === order.question && !known.isOver) return known;
      if (known.status.state === 'running')
        throw new ToolError('ERROR_SESSION_CLOSED', 'the session is at work on another input or model');
      this.#forget(known);
    }
    const job = new Job(order, () => this.#forget(job), this.#abandon);
    this.#jobs.set(name, job);
    return job;
  }

  /** The work on a question, whatever session it has. */
  find(owner: string, question: string): Job<T> | null {
    for (const job of this.#jobs.values())
      if (job.order.owner === owner && job.order.question === question && !job.isOver) return job;
    return null;
  }

  get(owner: string, session: string): Job<T> | null {
    return this.#jobs.get(nameOf(owner, session)) ?? null;
  }

  /** Oldest first. */
  list(owner: string): JobStatus[] {
    return [...this.#jobs.values()].filter(({ order }) => order.owner === owner).map(({ status }) => status);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const jobs = [...this.#jobs.values()];
    for (const job of jobs) job.stop();
    await Promise.all(jobs.map((job) => job.settled));
  }

  #forget(job: Job<T>): void {
    const name = nameOf(job.order.owner, job.order.session);
    if (this.#jobs.get(name) === job) this.#jobs.delete(name);
  }
}

export class Job<T> {
  readonly order: JobOrder<T>;
  /** When it has ended, however. */
  readonly settled: Promise<void>;
  readonly #work: Promise<T>;
  readonly #controller = new AbortController();
  readonly #listeners = new Set<ToolReport>();
  readonly #startedAt = Date.now();
  readonly #forget: () => void;
  readonly #abandon: boolean;
  #state: JobStatus['state'] = 'running';
  #progress = 0;
  #message = '';
  #error: ToolError | null = null;
  #waiting = 0;
  #taken = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(order: JobOrder<T>, forget: () => void, abandon: boolean) {
    this.order = order;
    this.#forget = forget;
    this.#abandon = abandon;
    this.#work = order.run(this.#controller.signal, (fraction, message) => this.#report(fraction, message));
    this.settled = this.#work.then(
      () => this.#end('done', null),
      (error: unknown) => this.#end('failed', error instanceof ToolError ? error : null),
    );
  }

  get status(): JobStatus {
    const { session } = this.order;
    return {
      session,
      state: this.#state,
      progress: this.#progress,
      message: this.#message,
      startedAt: this.#startedAt,
      error: this.#error,
    };
  }

  /** Its answer was given, or it failed and somebody was told: asked again, the work begins anew. */
  get isOver(): boolean {
    return this.#taken;
  }

  /** Ends with the work, or when the caller leaves: the work goes on then. @throws what the work throws; the signal's reason */
  async wait(signal: AbortSignal, report: ToolReport): Promise<T> {
    signal.throwIfAborted();
    report(
      this.#progress,
      `session_id ${this.order.session}${this.#message === '' ? '' : `: ${this.#message}`}`,
    );
    this.#listeners.add(report);
    this.#waiting++;
    clearTimeout(this.#timer);
    let leave = (): void => undefined;
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal.reason as Error);
      signal.addEventListener('abort', leave, { once: true });
    });
    try {
      const answer = await Promise.race([this.#work, left]);
      this.#taken = true;
      return answer;
    } catch (error) {
      if (!signal.aborted) this.#taken = true;
      throw error;
    } finally {
      signal.removeEventListener('abort', leave);
      this.#listeners.delete(report);
      this.#waiting--;
      this.#wakeLater();
    }
  }

  stop(): void {
    this.#controller.abort(new ToolError('ERROR_CANCELLED', 'the session was cancelled'));
  }

  #report(fraction: number, message: string | undefined): void {
    this.#progress = Math.max(this.#progress, fraction);
    if (message !== undefined) this.#message = message;
    for (const listener of this.#listeners) listener(fraction, message);
  }

  #end(state: 'done' | 'failed', error: ToolError | null): void {
    this.#state = state;
    this.#error = error;
    if (state === 'done') this.#progress = 1;
    // Whoever has stopped it knows.
    if (this.#controller.signal.aborted) this.#forget();
    else this.#wakeLater();
  }

  #wakeLater(): void {
    clearTimeout(this.#timer);
    if (this.#waiting > 0) return;
    if (this.#state === 'running') {
      if (this.#abandon) this.#timer = setTimeout(() => this.stop(), ABANDONED_MS);
    } else if (this.#taken) this.#forget();
    else this.#timer = setTimeout(() => this.#forget(), KEPT_MS);
    this.#timer?.unref();
  }
}

function nameOf(owner: string, session: string): string {
  return `${owner}/${session}`;
}
