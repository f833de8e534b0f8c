/**
 * Tasks as MCP clients see them. What the revisions have in common is here; how they write it, in a file of each: the older one
 * has them in the protocol and leaves it to the client, the newer one as an extension and leaves it to the server.
 */
import type {
  CallToolRequest,
  CallToolResult,
  Server,
  ServerCapabilities,
  ServerContext,
} from '@modelcontextprotocol/server';
import { ToolError } from '../protocol/error-codes.ts';
import type { ToolCall } from '../protocol/signing.ts';
import type { Task, TaskHandle, TaskStore } from '../protocol/task.ts';
import type { CallContext } from '../protocol/tool.ts';
import { callContext, progressNotifier } from './call-context.ts';
import type { JsonObject } from './call-result.ts';
import { asJson, resultOf, settling, signedMeta } from './call-result.ts';
import { asProtocolError } from './refusals.ts';
import type { ToolHost } from './tool-host.ts';

/** Often enough for a person who waits, seldom enough for a server with many. */
export const POLL_MS = 1000;
const PAGE = 100;

/** How one revision writes tasks. */
export interface TaskForm {
  /** @param lists whether there is a list to be had */
  capabilities(lists: boolean): ServerCapabilities;
  /**
   * Whether a call is to become a task, and how long that is to be kept; null: it is answered as ever.
   * @param can whether the tool can be begun
   * @throws ProtocolError
   */
  asked(
    params: CallToolRequest['params'],
    can: boolean,
    context: ServerContext,
  ): { readonly ttlMs: number | undefined } | null;
  /** The answer to a call that has become a task. */
  created(task: Task): object;
  /** Whether a call that is refused may be answered as one that was not to become a task. */
  readonly plainRefusals: boolean;
  serve(server: Server, desk: TaskDesk): void;
}

/** What the requests about tasks are answered from. What it throws are errors of JSON-RPC. */
export interface TaskDesk {
  readonly lists: boolean;
  find(taskId: string, context: ServerContext): Promise<TaskHandle>;
  /** From behind a cursor, the id of the last task of the page before. */
  list(
    cursor: string | undefined,
    context: ServerContext,
  ): Promise<{ readonly tasks: readonly Task[]; readonly nextCursor?: string }>;
  cancel(handle: TaskHandle): Promise<Task>;
  /** As `tools/call` would have answered; waits for it. */
  answer(handle: TaskHandle, context: ServerContext): Promise<CallToolResult>;
  /** With a signature over it in its `_meta`. */
  signed(facts: object, about: Readonly<Record<string, string>>, context: ServerContext): JsonObject;
}

export function taskDesk<Services>(host: ToolHost<Services>, store: TaskStore): TaskDesk {
  /** What a signature is over: the method in a tool's place, and nothing but what names the task or the page. */
  const receivedAs = ({ mcpReq }: ServerContext, about: Readonly<Record<string, string>>): ToolCall => ({
    tool: mcpReq.method,
    arguments: about,
  });
  const asking = async <T>(
    context: ServerContext,
    about: Readonly<Record<string, string>>,
    action: (call: CallContext) => Promise<T>,
  ): Promise<T> => {
    const { method } = context.mcpReq;
    host.onCall?.(method);
    try {
      const call = callContext(context, receivedAs(context, about), host.origin, () => undefined);
      await host.admit?.(call);
      return await settling(host, action(call));
    } catch (thrown) {
      throw asProtocolError(host, method, thrown);
    }
  };
  return {
    lists: store.lists,
    find: (taskId, context) => asking(context, { taskId }, (call) => store.find(taskId, call)),
    list: (cursor, context) =>
      asking(context, cursor === undefined ? {} : { cursor }, async (call) => {
        const { tasks, more } = await store.list(call, cursor ?? null, PAGE);
        const last = tasks.at(-1);
        return more && last !== undefined ? { tasks, nextCursor: last.taskId } : { tasks };
      }),
    async cancel(handle) {
      try {
        return await handle.cancel();
      } catch (thrown) {
        throw asProtocolError(host, 'tasks/cancel', thrown);
      }
    },
    async answer(handle, context) {
      const { taskId } = handle.task;
      using notifier = progressNotifier(context);
      const answer = handle.answer(notifier.report, context.mcpReq.signal);
      await answer.catch((thrown: unknown) => {
        // There will be another answer: this is not what came of the call.
        if (thrown instanceof ToolError && thrown.code === 'ERROR_SHUTTING_DOWN')
          throw asProtocolError(host, context.mcpReq.method, thrown);
      });
      return await resultOf(host, receivedAs(context, { taskId }), context, () => answer);
    },
    signed(facts, about, context) {
      const plain = asJson(facts);
      return { ...plain, ...asJson(signedMeta(host, plain, receivedAs(context, about), context)) };
    },
  };
}

export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
