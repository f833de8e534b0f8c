/**
 * Calls of this server's tools as tasks. What was asked, and what came of it, is kept sealed in the key store until its time is over. A
 * task that a restart has interrupted goes on when somebody asks for it: keys and sessions are where it left them. Of several servers on
 * one key store it goes on in one.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ToolError } from '../protocol/error-codes.ts';
import { RunningCall } from '../protocol/running-call.ts';
import type { Task, TaskHandle, TaskPage, TaskStore } from '../protocol/task.ts';
import { taskLifetimeMs } from '../protocol/task.ts';
import type { CallContext, ToolReport } from '../protocol/tool.ts';
import { toToolError } from '../protocol/translate-error.ts';
import type { Vault } from '../vault/vault.ts';
import type { TaskRecord } from './task-records.ts';
import { answerOf, byBeginning, expiryOf, failureOf } from './task-records.ts';
import { isTaskId, newTaskId, TaskRecords, unknownTask } from './task-records.ts';

const HOUR = 3_600_000;
/** Unless asked otherwise; results are in it. */
const KEPT_MS = HOUR;
const LONGEST_MS = 24 * HOUR;
const MOST_KEPT = 1024;
/** As many as a remote server lets a client have waiting. */
const MOST_WORKING = 32;
const SWEEP_MS = 60_000;
/** How often one that is not at work here is looked after, by whoever waits for it. */
const LOOK_MS = 500;
const ELSEWHERE = 'waits until there is room, or another server on this key store is at work on it';

export interface ToolRunner {
  (tool: string, input: unknown, signal: AbortSignal, report: ToolReport): Promise<object>;
}

export class CallTasks implements TaskStore, AsyncDisposable {
  /** Whoever reaches this server is its user. */
  readonly lists = true;
  readonly #records: TaskRecords;
  readonly #run: ToolRunner;
  readonly #onUnreadable: (error: ToolError) => void;
  /** Calls that never fail: what came of each is on record when it has ended. */
  readonly #running = new Map<string, RunningCall>();
  /** What was reported: it stays, and is listed again and again. */
  readonly #unreadable = new Set<string>();
  readonly #sweeping: NodeJS.Timeout;
  /** Tasks that are being written or claimed before they are at work. */
  #beginning = 0;
  #closing = false;

  /**
   * What is over is removed from now on, whether anybody asks or not.
   * @param onUnreadable hears once of each record that is left out of lists
   */
  constructor(vault: Vault, run: ToolRunner, onUnreadable: (error: ToolError) => void = () => undefined) {
    this.#records = new TaskRecords(vault);
    this.#run = run;
    this.#onUnreadable = onUnreadable;
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
    if (this.#isFull)
      throw new ToolError('ERROR_BUSY', `${MOST_WORKING} tasks are at work`, { retryAfterMs: 2000 });
    if (kept + this.#beginning >= MOST_KEPT)
      throw new ToolError('ERROR_QUOTA_EXCEEDED', `${MOST_KEPT} tasks are kept: their time must end first`);
    const now = Date.now();
    const taskId = newTaskId(now, now + taskLifetimeMs(ttlMs, LONGEST_MS, KEPT_MS));
    const begun: TaskRecord = {
      ...{ version: 1, tool, input, created_at: now, updated_at: now },
      ...{ state: 'working', answer: null, failure: null },
    };
    await this.#counted(async () => {
      try {
        await this.#records.claim(taskId);
        await this.#records.save(taskId, begun);
      } catch (error) {
        await this.#records.remove(taskId);
        throw error;
      }
      this.#start(taskId, begun);
    });
    return this.#handle(taskId, begun);
  }

  async find(taskId: string): Promise<TaskHandle> {
    const found = await this.#records.load(taskId);
    if (found === null) throw unknownTask();
    return this.#handle(taskId, await this.#takeUp(taskId, found));
  }

  async list(_call: CallContext | null, after: string | null, most: number): Promise<TaskPage> {
    if (after !== null && !isTaskId(after)) throw new ToolError('ERROR_INVALID_ARGUMENT', 'unknown cursor');
    const ids = (await this.#sweep()).sort(byBeginning);
    const left = after === null ? ids : ids.filter((id) => byBeginning(id, after) > 0);
    const tasks: Task[] = [];
    while (left.length > 0 && tasks.length < most) {
      const taskId = left.shift()!;
      const found = await this.#loadIfReadable(taskId);
      if (found !== null) tasks.push(this.#taskOf(taskId, found));
    }
    return { tasks, more: left.length > 0 };
  }

  /** What is at work stops, and goes on after the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    clearInterval(this.#sweeping);
    const running = [...this.#running.values()];
    for (const call of running) call.stop(new ToolError('ERROR_SHUTTING_DOWN', 'the server stops'));
    await Promise.all(running.map(({ finished }) => finished));
    this.#records.letGoOfAll();
  }

  get #isFull(): boolean {
    return this.#running.size + this.#beginning >= MOST_WORKING;
  }

  #handle(taskId: string, found: TaskRecord): TaskHandle {
    return {
      task: this.#taskOf(taskId, found),
      answer: async (report, signal) => {
        for (;;) {
          await this.#running.get(taskId)?.wait(report, signal);
          const now = await this.#records.load(taskId);
          if (now?.state !== 'working' || this.#closing) return answerOf(now);
          await this.#takeUp(taskId, now);
          if (!this.#running.has(taskId)) await delay(LOOK_MS, undefined, { signal });
        }
      },
      cancel: async () => {
        const call = this.#running.get(taskId);
        call?.stop('the task was cancelled');
        await call?.finished;
        if (call === undefined) await this.#cancelWaiting(taskId);
        return (await this.find(taskId)).task;
      },
    };
  }

  #taskOf(taskId: string, { state, failure, created_at, updated_at }: TaskRecord): Task {
    const doing = this.#running.get(taskId)?.doing ?? ELSEWHERE;
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

  async #loadIfReadable(taskId: string): Promise<TaskRecord | null> {
    try {
      return await this.#records.load(taskId);
    } catch (thrown) {
      // One that is damaged is not to hide the others.
      if (!this.#unreadable.has(taskId)) this.#onUnreadable(toToolError(thrown));
      this.#unreadable.add(taskId);
      return null;
    }
  }

  /** Goes on with what was interrupted, if there is room and nobody else does. @returns what is known of it then */
  async #takeUp(taskId: string, found: TaskRecord): Promise<TaskRecord> {
    if (found.state !== 'working' || this.#running.has(taskId) || this.#isFull || this.#closing) return found;
    return this.#counted(async () => {
      if (!(await this.#records.claim(taskId))) return found;
      const now = await this.#claimed(taskId);
      if (now === null) return found;
      if (now.state === 'working') this.#start(taskId, now);
      return now;
    });
  }

  async #cancelWaiting(taskId: string): Promise<void> {
    if ((await this.#records.load(taskId))?.state !== 'working') return;
    if (!(await this.#records.claim(taskId)))
      throw new ToolError('ERROR_BUSY', 'another server on this key store is at work on it');
    const now = await this.#claimed(taskId);
    if (now?.state === 'working') await this.#fail(taskId, now, null, true);
  }

  /** What was claimed, as it is then; it is let go of unless there is work to do. */
  async #claimed(taskId: string): Promise<TaskRecord | null> {
    let now: TaskRecord | null = null;
    try {
      now = await this.#records.load(taskId);
      return now;
    } finally {
      if (now?.state !== 'working') this.#records.letGo(taskId);
    }
  }

  async #counted<T>(action: () => Promise<T>): Promise<T> {
    this.#beginning++;
    try {
      return await action();
    } finally {
      this.#beginning--;
    }
  }

  /** Of a task that was claimed. */
  #start(taskId: string, begun: TaskRecord): void {
    if (this.#closing) return this.#records.letGo(taskId);
    const call = new RunningCall(async (signal, report) => {
      await this.#run(begun.tool, begun.input, signal, report)
        .then(
          (answer) => this.#end(taskId, begun, { state: 'completed', answer: { ...answer } }),
          (error: unknown) => this.#fail(taskId, begun, error, signal.aborted),
        )
        .finally(() => this.#running.delete(taskId));
    });
    this.#running.set(taskId, call);
  }

  async #fail(taskId: string, begun: TaskRecord, thrown: unknown, aborted: boolean): Promise<void> {
    if (aborted && this.#closing) return;
    const error = aborted ? new ToolError('ERROR_CANCELLED', 'the task was cancelled') : toToolError(thrown);
    // Also by its session, with a tool for that.
    const state = error.code === 'ERROR_CANCELLED' ? 'cancelled' : 'failed';
    await this.#end(taskId, begun, { state, failure: failureOf(error) });
  }

  async #end(taskId: string, begun: TaskRecord, outcome: Partial<TaskRecord>): Promise<void> {
    // What was removed is not to come back.
    if (expiryOf(taskId) <= Date.now()) return this.#records.letGo(taskId);
    await this.#records.end(taskId, { ...begun, ...outcome, updated_at: Date.now() });
  }

  /** Those that are left when what is over was removed. */
  async #sweep(now: number = Date.now()): Promise<string[]> {
    const ids = await this.#records.ids();
    const over = new Set([...ids, ...(await this.#records.claimed())].filter((id) => expiryOf(id) <= now));
    for (const taskId of over) {
      this.#running.get(taskId)?.stop('the task has expired');
      this.#unreadable.delete(taskId);
      await this.#records.remove(taskId);
    }
    return ids.filter((id) => !over.has(id));
  }
}
