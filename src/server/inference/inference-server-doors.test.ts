/** What a server shows of itself and takes, over HTTP and stdio, before any tool does its work. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ToolError } from '../protocol/error-codes.ts';
import { base64Length } from '../protocol/identifiers.ts';
import { SqliteMetadataStore } from '../storage/sqlite-metadata-store.ts';
import { HTTP_SETTINGS, type IdleServers, idleServers } from '../testing/idle-servers.ts';
import { connectClient } from '../testing/mcp-clients.ts';
import { ProtocolClient } from '../testing/protocol-client.ts';
import * as httpListener from '../transport/http-listener.ts';
import { MAX_MESSAGE_BYTES } from '../hosting/http-limits.ts';
import * as stdioListener from '../transport/stdio-listener.ts';

vi.mock('../transport/http-listener.ts', { spy: true });
// The real one takes the streams of this process.
vi.mock('../transport/stdio-listener.ts', () => ({ listenStdio: vi.fn() }));
const listenHttp = vi.mocked(httpListener.listenHttp);
const listenStdio = vi.mocked(stdioListener.listenStdio);

const MIB = 2 ** 20;

let servers: IdleServers;
beforeEach(async () => {
  servers = await idleServers();
});
afterEach(() => servers[Symbol.asyncDispose]());

const page = (url: string, path: string): Promise<Response> => fetch(new URL(path, url));

it('over HTTP a server shows its health, and counts what is asked of it', async () => {
  const server = await servers.start();
  const { url } = await server.listenHttp(HTTP_SETTINGS);
  expect(server.httpUrl).toBe(url);
  const health = await page(url, '/healthz');
  expect(health.headers.get('content-type')).toBe('application/json');
  expect(health.status).toBe(200);
  expect(await health.json()).toEqual({ status: 'ok', models: 1 });

  const connection = await connectClient('v2, 2026-07-28', { kind: 'http', url });
  // Checks the signatures of all answers.
  const client = new ProtocolClient('c', connection.call, connection.capabilities);
  expect(await client.enrol()).toMatchObject({ ok: true, signatures_required: true });
  const unknown = await client.callAs('get_session_status', { session_id: 's' });
  expect(unknown).toMatchObject({ error_code: 'ERROR_UNKNOWN_SESSION' });
  await connection.close();
  expect(await server.clients()).toBe(1);

  const metrics = await page(url, '/metrics');
  expect(metrics.headers.get('content-type')).toBe('text/plain; version=0.0.4');
  expect(metrics.status).toBe(200);
  const gauges = [
    'queue_waiting 0',
    'queue_running 0',
    'evaluators 0',
    'evaluator_reserved_bytes 0',
    'clients 1',
  ];
  expect((await metrics.text()).split('\n')).toEqual(
    expect.arrayContaining([
      'he_compile_requests_total{tool="enrol_client"} 1',
      'he_compile_requests_total{tool="get_session_status"} 1',
      'he_compile_errors_total{code="ERROR_UNKNOWN_SESSION"} 1',
      ...gauges.map((gauge) => `he_compile_${gauge}`),
      expect.stringMatching(/^he_compile_process_resident_memory_bytes \d{8,}$/),
    ]),
  );
});

it('a server says who it is and what it is for', async () => {
  const { url } = await (await servers.start()).listenHttp(HTTP_SETTINGS);
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' },
    body: JSON.stringify({
      ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
      params: {
        ...{ protocolVersion: '2025-11-25', capabilities: {} },
        clientInfo: { name: 'test', version: '1' },
      },
    }),
  });
  const text = await answer.text();
  expect(text).toContain('"name":"he-compile-inference"');
  expect(text).toContain('"title":"he-compile remote inference server"');
  expect(text).toContain('"version":"1.2.3"');
  expect(text).toContain('"instructions":"Evaluates models on encrypted inputs');
});

it.each([
  [1000, MIB],
  [2 * MIB, base64Length(2 * MIB) + 65_536],
])(
  'messages may be the largest of the draft, and what is held at once counts by this server’s chunks of %i',
  async (maxChunkBytes, bound) => {
    const server = await servers.start({
      ...{ maxChunkBytes, mcpSessions: 17, mcpSessionsPerCaller: 3 },
      ...{ connectionsPerOrigin: 5, bodiesInFlight: 400, bodiesInFlightPerCaller: 200 },
    });
    await server.listenHttp(HTTP_SETTINGS);
    expect(listenHttp.mock.lastCall![1]).toMatchObject({
      ...HTTP_SETTINGS,
      ...{ maxBodyBytes: MAX_MESSAGE_BYTES, sessions: { all: 17, perCaller: 3, idleMs: 3_600_000 } },
      admission: {
        ...{ connectionsPerOrigin: 5, bodyBytes: 400 * bound, bodyBytesPerCaller: 200 * bound },
        bodyBytesOfStrangers: 200 * bound,
      },
    });
  },
);

it('however few bodies are held at once, one that is too large has room, and somebody else’s', async () => {
  const server = await servers.start({ maxChunkBytes: 1000, bodiesInFlight: 1, bodiesInFlightPerCaller: 1 });
  await server.listenHttp(HTTP_SETTINGS);
  const { admission } = listenHttp.mock.lastCall![1];
  expect(admission.bodyBytesPerCaller).toBe(MAX_MESSAGE_BYTES);
  expect(admission.bodyBytesOfStrangers).toBe(MAX_MESSAGE_BYTES);
  expect(admission.bodyBytes).toBe(2 * MAX_MESSAGE_BYTES);
});

it('calls are answered once the records are durable that they rely on', async () => {
  const server = await servers.start();
  const settled = vi.spyOn(SqliteMetadataStore.prototype, 'settled');
  settled.mockRejectedValue(new ToolError('ERROR_STORAGE_FULL', 'no room'));
  const { url } = await server.listenHttp(HTTP_SETTINGS);
  const connection = await connectClient('v2, 2026-07-28', { kind: 'http', url });
  expect(await connection.call({ name: 'list_models', arguments: {} })).toMatchObject({
    structuredContent: { error_code: 'ERROR_STORAGE_FULL' },
  });
  await connection.close();
  settled.mockRestore();
});

it('tokens are those of clients, and what goes wrong is logged without more than it needs', async () => {
  const server = await servers.start();
  const { url } = await server.listenHttp({ ...HTTP_SETTINGS, requireBearer: true });
  expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(401);
  const options = listenHttp.mock.lastCall![1];
  const knows = vi.spyOn(server.services.authentication, 'holderOf').mockResolvedValue('c');
  expect(await options.holderOf('t')).toBe('c');
  knows.mockResolvedValue(null);
  expect(await options.holderOf('t')).toBeNull();
  expect(knows).toHaveBeenCalledWith('t');
  servers.logged.length = 0;
  options.onError(new Error('x'.repeat(400)));
  const fields = { detail: 'x'.repeat(300) };
  expect(servers.logged).toEqual([{ level: 'warn', event: 'transport', fields }]);
});

it('refusals are logged by code, and bugs by where they are', async () => {
  const server = await servers.start();
  const { url } = await server.listenHttp(HTTP_SETTINGS);
  const connection = await connectClient('v2, 2025-11-25', { kind: 'http', url });
  const refuse = async (name: string, input: Record<string, unknown>): Promise<unknown> => {
    servers.logged.length = 0;
    expect(await connection.call({ name, arguments: input })).toMatchObject({ isError: true });
    return servers.logged;
  };
  const event = 'call refused';
  expect(await refuse('describe_model', { model: 'x' })).toStrictEqual([
    { level: 'warn', event, fields: { tool: 'describe_model', code: 'ERROR_UNKNOWN_MODEL' } },
  ]);
  const take = vi.spyOn(server.services.authentication, 'admit');
  const internal = { tool: 'list_models', code: 'ERROR_INTERNAL' };
  const bug = new Error('a bug');
  take.mockImplementation(() => {
    throw bug;
  });
  expect(await refuse('list_models', {})).toStrictEqual([
    { level: 'error', event, fields: { ...internal, detail: bug.stack } },
  ]);
  // What is no error has no place, and its value may be a secret.
  take.mockImplementation(() => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error
    throw 'a value';
  });
  expect(await refuse('list_models', {})).toStrictEqual([{ level: 'warn', event, fields: internal }]);
  await connection.close();
});

it('over stdio a server takes what it takes over HTTP, and stops listening when it ends', async () => {
  const listener = { closed: Promise.resolve(), close: vi.fn(() => Promise.resolve()) };
  listenStdio.mockReturnValue(listener);
  const server = await servers.start({ maxChunkBytes: 1000 });
  expect(server.listenStdio()).toBe(listener);
  expect(server.httpUrl).toBeNull();
  const [factory, bytes, onError] = listenStdio.mock.lastCall!;
  expect(factory).toBeTypeOf('function');
  expect(bytes).toBe(MAX_MESSAGE_BYTES);
  servers.logged.length = 0;
  onError('no error' as unknown as Error);
  expect(servers.logged).toEqual([{ level: 'warn', event: 'transport', fields: { detail: '' } }]);
  const { url } = await server.listenHttp(HTTP_SETTINGS);
  expect(server.httpUrl).toBe(url);
  await server[Symbol.asyncDispose]();
  expect(listener.close).toHaveBeenCalledOnce();
});
