/**
 * Tasks as revision 2025-11-25 has them: a call asks for one with `task`, its status is polled, its result is fetched by itself.
 * https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks
 */
import { ProtocolError, ProtocolErrorCode, RELATED_TASK_META_KEY } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Task } from '../protocol/task.ts';
import type { TaskForm } from './tasks.ts';
import { isoTime, POLL_MS } from './tasks.ts';

const one = z.looseObject({ taskId: z.string() });
const page = z.looseObject({ cursor: z.string().optional() }).optional();

function written({ taskId, status, message, createdAt, updatedAt, expiresAt }: Task): object {
  return {
    taskId,
    status,
    statusMessage: message,
    createdAt: isoTime(createdAt),
    lastUpdatedAt: isoTime(updatedAt),
    ttl: expiresAt - createdAt,
    pollInterval: POLL_MS,
  };
}

export const TASKS_2025_11_25: TaskForm = {
  capabilities: (lists) => ({
    tasks: { ...(lists ? { list: {} } : {}), cancel: {}, requests: { tools: { call: {} } } },
  }),
  asked({ task }, can) {
    if (task === undefined) return null;
    if (can) return { ttlMs: task.ttl };
    throw new ProtocolError(ProtocolErrorCode.MethodNotFound, 'This tool does not run as a task');
  },
  // Tasks begin so, whatever has become of it since.
  created: (task) => ({ task: written({ ...task, status: 'working', message: 'begun' }) }),
  plainRefusals: false,
  serve(server, desk) {
    server.setRequestHandler('tasks/get', { params: one }, async ({ taskId }, context) => {
      const { task } = await desk.find(taskId, context);
      return desk.signed(written(task), { taskId }, context);
    });
    server.setRequestHandler('tasks/result', { params: one }, async ({ taskId }, context) => {
      const { _meta, ...result } = await desk.answer(await desk.find(taskId, context), context);
      return { ...result, _meta: { ..._meta, [RELATED_TASK_META_KEY]: { taskId } } };
    });
    server.setRequestHandler('tasks/cancel', { params: one }, async ({ taskId }, context) => {
      const handle = await desk.find(taskId, context);
      const over = (status: Task['status']): ProtocolError =>
        new ProtocolError(ProtocolErrorCode.InvalidParams, `Cannot cancel task: already ${status}`);
      if (handle.task.status !== 'working') throw over(handle.task.status);
      const task = await desk.cancel(handle);
      if (task.status !== 'cancelled') throw over(task.status);
      return desk.signed(written(task), { taskId }, context);
    });
    if (!desk.lists) return;
    server.setRequestHandler('tasks/list', { params: page }, async (params, context) => {
      const cursor = params?.cursor;
      const { tasks, ...next } = await desk.list(cursor, context);
      const facts = { tasks: tasks.map(written), ...next };
      return desk.signed(facts, cursor === undefined ? {} : { cursor }, context);
    });
  },
};
