/**
 * Clients that know tasks, of either revision and with one face: of 2025-11-25 the SDK's own; of 2026-07-28 plain requests, since the
 * SDK's client takes no answer to a call that is a task.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  CallToolResultSchema,
  CreateTaskResultSchema,
  ResultSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { ToolResult } from './protocol-client.ts';

type Json = Record<string, unknown>;

export interface SeenTask {
  readonly taskId: string;
  readonly status: string;
  readonly statusMessage?: string | undefined;
  readonly createdAt: string;
  readonly lastUpdatedAt: string;
  readonly ttlMs: number;
  readonly pollIntervalMs: number;
  readonly _meta?: Json | undefined;
}

export interface TaskClient {
  readonly capabilities: Json;
  /** `tools/call` from a client that knows tasks, and wants one where it is the client that decides. @throws RpcError */
  begin(name: string, args: Json, options?: { ttlMs?: number; meta?: Json }): Promise<SeenTask>;
  /** `tools/call` as from a client that knows no tasks. */
  call(name: string, args: Json, meta?: Json): Promise<ToolResult>;
  get(taskId: string, meta?: Json): Promise<SeenTask>;
  /** Once there is one. */
  result(taskId: string, meta?: Json): Promise<ToolResult>;
  cancel(taskId: string, meta?: Json): Promise<void>;
  /** Any other request. */
  request(method: string, params: Json): Promise<Json>;
  close(): Promise<void>;
}

export class RpcError extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

export type TaskRevision = '2025-11-25' | '2026-07-28';

/** @param token goes into the Authorization header */
export function taskClient(revision: TaskRevision, url: string, token?: string): Promise<TaskClient> {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  if (revision === '2026-07-28')
    return Promise.resolve(statelessClient(httpExchange(url, headers), () => Promise.resolve()));
  return sdkTaskClient(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
}

/** Of 2025-11-25. */
export async function sdkTaskClient(transport: unknown): Promise<TaskClient> {
  const client = new Client({ name: 'test', version: '1' }, { capabilities: { tasks: {} } });
  // The SDK's own types do not agree under exactOptionalPropertyTypes.
  await client.connect(transport as Transport);
  const request = async (method: string, params: Json): Promise<Json> =>
    client.request({ method, params }, ResultSchema);
  const seen = ({ ttl, pollInterval, ...rest }: Json): SeenTask =>
    ({ ...rest, ttlMs: ttl, pollIntervalMs: pollInterval }) as unknown as SeenTask;
  const call = { ...{ name: '' }, arguments: {} };
  return {
    capabilities: client.getServerCapabilities() as Json,
    async begin(name, args, { ttlMs, meta } = {}) {
      const task = ttlMs === undefined ? {} : { ttl: ttlMs };
      const params = { ...call, name, arguments: args, task, ...(meta === undefined ? {} : { _meta: meta }) };
      const created = await client.request({ method: 'tools/call', params }, CreateTaskResultSchema);
      return { ...seen(created.task), _meta: created._meta };
    },
    call: (name, args, meta) =>
      client.callTool({ name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) }),
    get: async (taskId, _meta) => seen(await request('tasks/get', { taskId, ...meta(_meta) })),
    result: (taskId, _meta) =>
      client.request({ method: 'tasks/result', params: { taskId, ...meta(_meta) } }, CallToolResultSchema),
    cancel: async (taskId, _meta) => void (await request('tasks/cancel', { taskId, ...meta(_meta) })),
    request,
    close: () => client.close(),
  };
}

function meta(given: Json | undefined): { _meta?: Json } {
  return given === undefined ? {} : { _meta: given };
}

const PREFIX = 'io.modelcontextprotocol';
const TASKS = `${PREFIX}/tasks`;
const POLL_MS = 20;

/** Sends one message, and resolves with the answer to it. */
type Exchange = (message: Json & { readonly id: number }, name: string | undefined) => Promise<Json>;

/** Of 2026-07-28, over the standard streams of a process of Node.js. */
export function stdioTaskClient(args: readonly string[], environment: Record<string, string>): TaskClient {
  const child = spawn(process.execPath, args, { env: environment, stdio: ['pipe', 'pipe', 'ignore'] });
  const waiting = new Map<unknown, (answer: Json) => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer = JSON.parse(line) as Json;
    waiting.get(answer['id'])?.(answer);
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const exchange: Exchange = (message) =>
    new Promise((resolve) => {
      waiting.set(message.id, resolve);
      child.stdin.write(`${JSON.stringify(message)}\n`);
    });
  return statelessClient(exchange, async () => {
    child.stdin.end();
    await ended;
  });
}

function httpExchange(url: string, headers: Record<string, string>): Exchange {
  return async (message, name) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        ...headers,
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
        'MCP-Protocol-Version': '2026-07-28',
        'Mcp-Method': String(message['method']),
        ...(name === undefined ? {} : { 'Mcp-Name': name }),
      },
      body: JSON.stringify(message),
    });
    const text = await response.text();
    return JSON.parse(text.startsWith('{') ? text : text.split('\ndata: ').at(-1)!) as Json;
  };
}

function statelessClient(exchange: Exchange, close: () => Promise<void>): TaskClient {
  let id = 0;
  const send = async (method: string, params: Json, knowsTasks: boolean): Promise<Json> => {
    const name = params['taskId'] ?? params['name'];
    const envelope = {
      [`${PREFIX}/protocolVersion`]: '2026-07-28',
      [`${PREFIX}/clientInfo`]: { name: 'test', version: '1' },
      [`${PREFIX}/clientCapabilities`]: knowsTasks ? { extensions: { [TASKS]: {} } } : {},
    };
    const _meta = { ...envelope, ...(params['_meta'] as Json | undefined) };
    const message = { jsonrpc: '2.0', id: ++id, method, params: { ...params, _meta } };
    const { result, error } = (await exchange(message, typeof name === 'string' ? name : undefined)) as {
      result?: Json;
      error?: { code: number; message: string; data?: unknown };
    };
    if (error !== undefined) throw new RpcError(error.code, error.message, error.data);
    return result!;
  };
  const get = (taskId: string, _meta?: Json): Promise<Json> =>
    send('tasks/get', { taskId, ...meta(_meta) }, true);
  return {
    capabilities: {},
    async begin(name, args, options = {}) {
      const created = await send('tools/call', { name, arguments: args, ...meta(options.meta) }, true);
      if (created['resultType'] === 'task') return created as unknown as SeenTask;
      const answer = created['structuredContent'] as Json;
      throw new RpcError(0, String(answer['message']), answer);
    },
    call: async (name, args, _meta) =>
      await send('tools/call', { name, arguments: args, ...meta(_meta) }, false),
    get: async (taskId, _meta) => (await get(taskId, _meta)) as unknown as SeenTask,
    async result(taskId, _meta) {
      for (;;) {
        const task = await get(taskId, _meta);
        if (task['status'] !== 'working') return task['result'] as ToolResult;
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
    cancel: async (taskId, _meta) => void (await send('tasks/cancel', { taskId, ...meta(_meta) }, true)),
    request: (method, params) => send(method, params, true),
    close,
  };
}
