/** The conformance suite's tools that become tasks (`slow_compute`, …), on the code that serves the product's tasks. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { CallToolRequest, CallToolResult, Server, ServerContext } from '@modelcontextprotocol/server';
import { ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server';
import type { Task, TaskHandle } from '../protocol/task.ts';
import { TASKS_2025_11_25 } from '../transport/tasks-2025-11-25.ts';
import { requireTasks, TASKS_2026_07_28 } from '../transport/tasks-2026-07-28.ts';
import type { TaskDesk, TaskForm } from '../transport/tasks.ts';

const TTL_MS = 600_000;

interface FixtureTask {
  task: Task;
  readonly abort: AbortController;
  readonly outcome: Promise<CallToolResult>;
}

type Arguments = Readonly<Record<string, unknown>>;

const text = (message: string, isError = false): CallToolResult => ({
  content: [{ type: 'text', text: message }],
  isError,
});

/** What each of them does; the abort signal is its task's. */
const WORK: Readonly<Record<string, (given: Arguments, signal?: AbortSignal) => Promise<CallToolResult>>> = {
  slow_compute: async ({ seconds = 0, label = '' }, signal) => {
    await delay(1000 * Number(seconds), undefined, signal === undefined ? {} : { signal });
    return text(`computed ${String(label)}`);
  },
  failing_job: () => Promise.resolve(text('This job fails', true)),
  protocol_error_job: () =>
    Promise.reject(new ProtocolError(ProtocolErrorCode.InternalError, 'This job breaks the protocol')),
};
/** Of those the suite expects that they refuse clients that do not know tasks. */
const ONLY_TASKS: readonly string[] = ['failing_job'];

export const TASK_TOOLS = [
  ...Object.keys(WORK).map((name) => ({ name, execution: { taskSupport: 'optional' as const } })),
  { name: 'greet' },
  // A server that never asks for input answers at once.
  { name: 'confirm_delete' },
].map((tool) => ({ ...tool, description: tool.name, inputSchema: { type: 'object' as const } }));

/** Of all connections: the suite polls on others than those that it calls on. */
export class ConformanceTasks {
  readonly #tasks = new Map<string, FixtureTask>();

  form(modern: boolean): TaskForm {
    return modern ? TASKS_2026_07_28 : TASKS_2025_11_25;
  }

  serve(server: Server, modern: boolean): void {
    const find: TaskDesk['find'] = (taskId) => {
      const found = this.#tasks.get(taskId);
      if (found === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'Unknown task');
      return Promise.resolve(handleOf(found));
    };
    this.form(modern).serve(server, {
      lists: true,
      find,
      list: () => Promise.resolve({ tasks: [...this.#tasks.values()].map(({ task }) => task) }),
      cancel: (handle) => handle.cancel(),
      answer: ({ task: { taskId } }) => this.#tasks.get(taskId)!.outcome,
      signed: (facts) => ({ ...facts }),
    });
  }

  /** Null: none of these tools. */
  async call(
    params: CallToolRequest['params'],
    modern: boolean,
    context: ServerContext,
  ): Promise<CallToolResult | null> {
    const { name, arguments: given = {} } = params;
    if (name === 'greet') return text(`Hello, ${String(given['name'])}!`);
    if (name === 'confirm_delete') return text('Done');
    const work = WORK[name];
    if (work === undefined) return null;
    const form = this.form(modern);
    if (form.asked(params, true, context) !== null)
      return { content: [], ...form.created(this.#begin((signal) => work(given, signal))) };
    if (modern && ONLY_TASKS.includes(name)) requireTasks(context);
    return work(given);
  }

  #begin(work: (signal: AbortSignal) => Promise<CallToolResult>): Task {
    const abort = new AbortController();
    const now = Date.now();
    const times = { createdAt: now, updatedAt: now, expiresAt: now + TTL_MS };
    const task: Task = { taskId: randomUUID(), status: 'working', message: 'working', ...times };
    const entry: FixtureTask = { task, abort, outcome: work(abort.signal) };
    const end = (status: Task['status']): void => {
      entry.task = { ...task, status, message: status, updatedAt: Date.now() };
    };
    entry.outcome.then(
      ({ isError }) => end(isError === true ? 'failed' : 'completed'),
      () => end(abort.signal.aborted ? 'cancelled' : 'failed'),
    );
    this.#tasks.set(task.taskId, entry);
    return task;
  }
}

function handleOf(entry: FixtureTask): TaskHandle {
  return {
    task: entry.task,
    answer: () => entry.outcome,
    async cancel() {
      entry.abort.abort();
      await entry.outcome.catch(() => undefined);
      return entry.task;
    },
  };
}
