/**
 * Calls of this server's tools as tasks. What was asked, and what came of it, is kept sealed in the key store until its time is over. A
 * task that a restart has interrupted goes on when somebody asks for it: keys and sessions are where it left them.
 */
import { ToolError } from '../protocol/error-codes.ts';
import type { Task, TaskHandle, TaskStore } from '../protocol/task.ts';
import { taskLifetimeMs } from '../protocol/task.ts';
import type { ToolReport } from '../protocol/tool.ts';
import { toToolError } from '../protocol/translate-error.ts';
import type { Vault } from '../vault/vault.ts';
import type { TaskRecord } from './task-records.ts';
import { expiryOf, newTaskId, TaskRecords } from './task-records.ts';

const HOUR = 3_600_000;
/** Unless asked otherwise; results are in it. */
const KEPT_MS = HOUR;
const LONGEST_MS = 24 * HOUR;
const MOST_KEPT = 1024;
/** As many as a remote server lets a client have waiting. */
const MOST_WORKING = 32;
const SWEEP_MS = 60_000;
/** A task that this process is at work on. */
interface Running {
  readonly controller: AbortController;
  readonly listeners: Set<ToolReport>;
  fraction: number;
  message: string;
  /** Never fails. */
  finished: Promise<void>;
}

export interface ToolRunner {
  (tool: string, input: unknown, signal: AbortSignal, report: ToolReport): Promise<object>;
}

export class CallTasks implements TaskStore, AsyncDisposable {
  /** Whoever reaches this server is its user. */
  readonly lists = true;
  readonly #records: TaskRecords;
  readonly #run: ToolRunner;
  readonly #running = new Map<string, Running>();
  readonly #sweeping: NodeJS.Timeout;
  /** Tasks that are being written before they are at work. */
  #beginning = 0;
  #closing = false;

  /** What is over is removed from now on, whether anybody asks or not. */
  constructor(vault: Vault, run: ToolRunner) {
    this.#records = new TaskRecords(vault);
    this.#run = run;
    // What cannot be removed now is tried again later.
    const sweep = (): void => void this.#sweep().catch(() => undefined);
    this.#sweeping = setInterval(sweep, SWEEP_MS);
    this.#sweeping.unref();
    sweep();
  }

  /** @throws ToolError ERROR_QUOTA_EXCEEDED or ERROR_BUSY */
  async begin(
    tool: string,
    input: Readonly<Record<string, unknown>>,
    ttlMs: number | undefined,
  ): Promise<TaskHandle> {
    const kept = (await this.#sweep()).length;
    if (this.#running.size + this.#beginning >= MOST_WORKING)
      throw new ToolError('ERROR_BUSY', `${MOST_WORKING} tasks are at work`, { retryAfterMs: 2000 });
    if (kept + this.#beginning >= MOST_KEPT)
      throw new ToolError('ERROR_QUOTA_EXCEEDED', `${MOST_KEPT} tasks are kept: their time must end first`);
    const now = Date.now();
    const taskId = newTaskId(now + taskLifetimeMs(ttlMs, LONGEST_MS, KEPT_MS));
    const facts = {
      created_at: now,
      updated_at: now,
      state: 'working' as const,
      answer: null,
      failure: null,
    };
    const begun: TaskRecord = { version: 1, tool, input, ...facts };
    this.#beginning++;
    await this.#records.save(taskId, begun).finally(() => this.#beginning--);
    if (!this.#closing) this.#start(taskId, begun);
    return this.#handle(taskId, begun);
  }

  async find(taskId: string): Promise<TaskHandle> {
    const atWork = this.#running.has(taskId);
    const found = await this.#records.load(taskId);
    if (found === null) throw new ToolError('ERROR_UNKNOWN_SESSION', 'there is no such task');
    if (found.state === 'working' && !this.#running.has(taskId)) {
      // It has ended since it was read.
      if (atWork && !this.#closing) return this.find(taskId);
      if (!this.#closing) this.#start(taskId, found);
    }
    return this.#handle(taskId, found);
  }

  async list(): Promise<Task[]> {
    const tasks: Task[] = [];
    for (const taskId of await this.#sweep()) {
      const found = await this.#records.load(taskId);
      if (found !== null) tasks.push(this.#taskOf(taskId, found));
    }
    return tasks.sort((a, b) => a.createdAt - b.createdAt || (a.taskId < b.taskId ? -1 : 1));
  }

  /** What is at work stops, and goes on after the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    clearInterval(this.#sweeping);
    const running = [...this.#running.values()];
    for (const { controller } of running)
      controller.abort(new ToolError('ERROR_SHUTTING_DOWN', 'the server stops'));
    await Promise.all(running.map(({ finished }) => finished));
  }

  #handle(taskId: string, found: TaskRecord): TaskHandle {
    return {
      task: this.#taskOf(taskId, found),
      answer: async (report, signal) => {
        await this.#wait(taskId, report, signal);
        return answerOf(await this.#records.load(taskId));
      },
      cancel: async () => {
        this.#running.get(taskId)?.controller.abort('the task was cancelled');
        await this.#running.get(taskId)?.finished;
        return (await this.find(taskId)).task;
      },
    };
  }

  #taskOf(taskId: string, { state, failure, created_at, updated_at }: TaskRecord): Task {
    const { fraction = 0, message = '' } = this.#running.get(taskId) ?? {};
    const doing = message === '' ? 'beginning' : `${message} (${Math.floor(100 * fraction)} %)`;
    const over = failure === null ? 'done' : `${failure.code}: ${failure.message}`;
    return {
      taskId,
      status: state,
      message: state === 'working' ? doing : over,
      createdAt: created_at,
      updatedAt: updated_at,
      expiresAt: expiryOf(taskId),
    };
  }

  #start(taskId: string, begun: TaskRecord): void {
    const running: Running = {
      controller: new AbortController(),
      listeners: new Set(),
      fraction: 0,
      message: '',
      finished: Promise.resolve(),
    };
    const report: ToolReport = (fraction, message) => {
      running.fraction = Math.max(running.fraction, fraction);
      if (message !== undefined) running.message = message;
      for (const listener of running.listeners) listener(fraction, message);
    };
    this.#running.set(taskId, running);
    running.finished = this.#run(begun.tool, begun.input, running.controller.signal, report)
      .then(
        (answer) => this.#end(taskId, begun, { state: 'completed', answer: { ...answer } }),
        (error: unknown) => this.#fail(taskId, begun, error, running.controller.signal.aborted),
      )
      .finally(() => this.#running.delete(taskId));
  }

  async #fail(taskId: string, begun: TaskRecord, thrown: unknown, aborted: boolean): Promise<void> {
    if (aborted && this.#closing) return;
    const error = aborted ? new ToolError('ERROR_CANCELLED', 'the task was cancelled') : toToolError(thrown);
    const { code, message, remoteMessage, retryAfterMs } = error;
    await this.#end(taskId, begun, {
      // Also by its session, with a tool for that.
      state: code === 'ERROR_CANCELLED' ? 'cancelled' : 'failed',
      failure: {
        code,
        message,
        ...(remoteMessage === undefined ? {} : { remote_message: remoteMessage }),
        ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
      },
    });
  }

  async #end(taskId: string, begun: TaskRecord, outcome: Partial<TaskRecord>): Promise<void> {
    // What was removed is not to come back.
    if (expiryOf(taskId) <= Date.now()) return;
    await this.#records.keep(taskId, { ...begun, ...outcome, updated_at: Date.now() });
  }

  /** Until it has ended, or the caller leaves. */
  async #wait(taskId: string, report: ToolReport, signal: AbortSignal): Promise<void> {
    const running = this.#running.get(taskId);
    if (running === undefined) return;
    signal.throwIfAborted();
    running.listeners.add(report);
    let leave = (): void => undefined;
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal.reason as Error);
      signal.addEventListener('abort', leave, { once: true });
    });
    try {
      await Promise.race([running.finished, left]);
    } finally {
      signal.removeEventListener('abort', leave);
      running.listeners.delete(report);
    }
  }

  /** Those that are left when what is over was removed. */
  async #sweep(now: number = Date.now()): Promise<string[]> {
    const ids = await this.#records.ids();
    for (const taskId of ids.filter((id) => expiryOf(id) <= now)) {
      this.#running.get(taskId)?.controller.abort('the task has expired');
      await this.#records.remove(taskId);
    }
    return ids.filter((id) => expiryOf(id) > now);
  }
}

/** @throws ToolError of the call */
function answerOf(found: TaskRecord | null): object {
  const { answer = null, failure = null } = found ?? {};
  if (answer !== null) return answer;
  if (failure === null) throw new ToolError('ERROR_SHUTTING_DOWN', 'the task goes on after a restart');
  const { code, message, remote_message: remoteMessage, retry_after_ms: retryAfterMs } = failure;
  throw new ToolError(code, message, {
    ...(remoteMessage === undefined ? {} : { remoteMessage }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
