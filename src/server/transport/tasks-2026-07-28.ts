/**
 * Tasks as the extension `io.modelcontextprotocol/tasks` of revision 2026-07-28 has them: a client says with each request that it
 * knows them, the server makes one where a call takes long, and its status has the result in it when there is one.
 * https://modelcontextprotocol.io/seps/2663-tasks-extension
 */
import type { ServerContext } from '@modelcontextprotocol/server';
import {
  CLIENT_CAPABILITIES_META_KEY,
  MissingRequiredClientCapabilityError,
  ProtocolError,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Task } from '../protocol/task.ts';
import type { TaskDesk, TaskForm } from './tasks.ts';
import { isoTime, POLL_MS } from './tasks.ts';

export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

const one = z.looseObject({ taskId: z.string() });
const declaration = z.looseObject({ extensions: z.looseObject({ [TASKS_EXTENSION]: z.looseObject({}) }) });

function declares({ mcpReq }: ServerContext): boolean {
  const envelope: Readonly<Record<string, unknown>> = mcpReq.envelope ?? {};
  return declaration.safeParse(envelope[CLIENT_CAPABILITIES_META_KEY]).success;
}

export function requireTasks(context: ServerContext): void {
  if (declares(context)) return;
  throw new MissingRequiredClientCapabilityError({
    requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } },
  });
}

/** A call that was answered with an error is completed, and its result says so. */
function written({ taskId, status, message, createdAt, updatedAt, expiresAt }: Task): object {
  return {
    taskId,
    status: status === 'failed' ? 'completed' : status,
    statusMessage: message,
    createdAt: isoTime(createdAt),
    lastUpdatedAt: isoTime(updatedAt),
    ttlMs: expiresAt - createdAt,
    pollIntervalMs: POLL_MS,
  };
}

/** What came of it, where something did. */
async function outcome(
  desk: TaskDesk,
  handle: Awaited<ReturnType<TaskDesk['find']>>,
  context: ServerContext,
): Promise<object> {
  const { status } = handle.task;
  if (status === 'working' || status === 'cancelled') return {};
  try {
    // As a whole result: clients hold it against the schema of one.
    return { result: { resultType: 'complete', ...(await desk.answer(handle, context)) } };
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown;
    return { status: 'failed', error: { code: thrown.code, message: thrown.message } };
  }
}

export const TASKS_2026_07_28: TaskForm = {
  capabilities: () => ({ extensions: { [TASKS_EXTENSION]: {} } }),
  asked: (_params, can, context) => (can && declares(context) ? { ttlMs: undefined } : null),
  created: (task) => ({ resultType: 'task', ...written({ ...task, status: 'working', message: 'begun' }) }),
  plainRefusals: true,
  serve(server, desk) {
    server.setRequestHandler('tasks/get', { params: one }, async ({ taskId }, context) => {
      requireTasks(context);
      const handle = await desk.find(taskId, context);
      const stated = desk.signed(written(handle.task), { taskId }, context);
      return { ...stated, ...(await outcome(desk, handle, context)) };
    });
    // Nothing is ever asked of the client, so that there is nothing to be told.
    server.setRequestHandler('tasks/update', { params: one }, async ({ taskId }, context) => {
      requireTasks(context);
      await desk.find(taskId, context);
      return {};
    });
    server.setRequestHandler('tasks/cancel', { params: one }, async ({ taskId }, context) => {
      requireTasks(context);
      const handle = await desk.find(taskId, context);
      if (handle.task.status === 'working') await desk.cancel(handle);
      return {};
    });
  },
};
