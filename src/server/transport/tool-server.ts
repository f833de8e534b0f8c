/**
 * Tools as an MCP server, the same for every transport and for both revisions: lists them, checks arguments, runs them or begins
 * them as tasks, and turns what they throw into results with an error code.
 */
import type { CallToolResult, McpRequestContext, ServerContext } from '@modelcontextprotocol/server';
import { ProtocolError, ProtocolErrorCode, Server } from '@modelcontextprotocol/server';
import type { z } from 'zod';
import { ToolError } from '../protocol/error-codes.ts';
import { EXTENSION } from '../protocol/extension.ts';
import type { ToolCall } from '../protocol/signing.ts';
import type { TaskHandle } from '../protocol/task.ts';
import type { AnyTool } from '../protocol/tool.ts';
import { inputSchemaOf, outputSchemaOf } from '../protocol/tool.ts';
import { callContext, progressNotifier } from './call-context.ts';
import { asJson, resultOf, settling, signedMeta } from './call-result.ts';
import { documentCapabilities, serveDocuments } from './documents.ts';
import { asProtocolError } from './refusals.ts';
import { TASKS_2025_11_25 } from './tasks-2025-11-25.ts';
import { TASKS_2026_07_28 } from './tasks-2026-07-28.ts';
import type { TaskForm } from './tasks.ts';
import { taskDesk } from './tasks.ts';
import type { ToolHost } from './tool-host.ts';

/** Schemas are converted once; each connection, or each request of the stateless revision, gets a server of its own. */
export function toolServerFactory<Services>(
  host: ToolHost<Services>,
): (context?: McpRequestContext) => Server {
  const byName = new Map(host.tools.map((tool) => [tool.name, tool]));
  const listed = host.tools.map((tool) => ({
    name: tool.name,
    title: tool.title,
    description: tool.description,
    inputSchema: inputSchemaOf(tool),
    outputSchema: outputSchemaOf(tool),
    annotations: { ...tool.annotations, openWorldHint: false },
    // Of 2025-11-25; the SDK leaves it out of later revisions.
    ...(canBegin(host, tool) ? { execution: { taskSupport: 'optional' as const } } : {}),
  }));
  const settings = asJson(host.settings);
  return (request) => {
    const form = request?.era === 'modern' ? TASKS_2026_07_28 : TASKS_2025_11_25;
    const tasks = host.tasks === undefined ? null : taskDesk(host, host.tasks);
    const { extensions, ...capabilities } = tasks === null ? {} : form.capabilities(tasks.lists);
    const server = new Server(
      { name: host.name, title: host.title, version: host.version },
      {
        capabilities: {
          tools: {},
          ...(host.documents === undefined ? {} : documentCapabilities(host.documents)),
          ...capabilities,
          extensions: { [EXTENSION]: settings, ...extensions },
          experimental: { [EXTENSION]: settings },
        },
        instructions: host.instructions,
      },
    );
    if (host.documents !== undefined) {
      serveDocuments(server, host.documents, async (context) => {
        const received = { tool: context.mcpReq.method, arguments: {} };
        await host.admit?.(callContext(context, received, host.origin, () => undefined));
      });
    }
    if (tasks !== null) form.serve(server, tasks);
    server.setRequestHandler('tools/list', () => ({ tools: listed }));
    server.setRequestHandler('tools/call', async ({ params }, context) => {
      const tool = byName.get(params.name);
      if (tool === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'Unknown tool');
      host.onCall?.(tool.name);
      const received = { tool: params.name, arguments: params.arguments ?? {} };
      const asked = tasks === null ? null : form.asked(params, canBegin(host, tool), context);
      return asked === null
        ? callTool(host, tool, received, context)
        : beginTool(host, tool, received, context, form, asked.ttlMs);
    });
    return server;
  };
}

function canBegin<Services>(host: ToolHost<Services>, tool: AnyTool<Services>): boolean {
  return host.tasks !== undefined && tool.begin !== undefined;
}

async function callTool<Services>(
  host: ToolHost<Services>,
  tool: AnyTool<Services>,
  received: ToolCall,
  context: ServerContext,
): Promise<CallToolResult> {
  using notifier = progressNotifier(context);
  return await resultOf(host, received, context, async () => {
    const call = callContext(context, received, host.origin, notifier.report);
    await host.admit?.(call);
    return tool.run(parseArguments(tool, received.arguments), host.services, call);
  });
}

async function beginTool<Services>(
  host: ToolHost<Services>,
  tool: AnyTool<Services>,
  received: ToolCall,
  context: ServerContext,
  form: TaskForm,
  ttlMs: number | undefined,
): Promise<CallToolResult> {
  const begin = async (): Promise<TaskHandle> => {
    const call = callContext(context, received, host.origin, () => undefined);
    await host.admit?.(call);
    return tool.begin!(parseArguments(tool, received.arguments), host.services, call, ttlMs);
  };
  try {
    const created = form.created((await settling(host, begin())).task);
    const { resultType: _, ...facts } = asJson(created);
    // The SDK wants `content` in every answer to a call.
    return { content: [], ...created, ...signedMeta(host, facts, received, context) };
  } catch (thrown) {
    if (!form.plainRefusals) throw asProtocolError(host, received.tool, thrown);
    return await resultOf(host, received, context, () => Promise.reject(thrown as Error));
  }
}

/** @throws ToolError ERROR_INVALID_ARGUMENT, naming the argument and not its value */
function parseArguments<Services>(tool: AnyTool<Services>, given: unknown): unknown {
  const parsed = tool.input.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where =
    issue === undefined || issue.path.length === 0 ? 'the arguments' : issue.path.join('.').slice(0, 100);
  const what = issue === undefined ? 'do not match' : describeIssue(issue);
  throw new ToolError('ERROR_INVALID_ARGUMENT', `${where}: ${what}`);
}

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `unknown ${issue.keys.slice(0, 5).join(', ').slice(0, 100)}`;
  return issue.message.slice(0, 200);
}
