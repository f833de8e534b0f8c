/** A listener among strangers: floods of each kind from one address, and what others find meanwhile. A proxy says whose is what. */
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ServerLimits } from '../inference/configuration.ts';
import { HTTP_SETTINGS, type IdleServers, idleServers } from '../testing/idle-servers.ts';
import { connectClient } from '../testing/mcp-clients.ts';
import { ProtocolClient } from '../testing/protocol-client.ts';
import { exchange } from '../testing/raw-http.ts';
import { StrangerTurns } from './stranger-turns.ts';

const PROXIES = { addresses: ['127.0.0.1'], header: 'x-forwarded-for' };
const FLOOD = '192.0.2.1';
const OTHER = '192.0.2.2';
const INITIALIZE = {
  ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
};
const PING = { jsonrpc: '2.0', id: 2, method: 'ping' };
const CALL = { jsonrpc: '2.0', id: 3, method: 'tools/call', params: { name: 'list_models', arguments: {} } };

let servers: IdleServers;
beforeEach(async () => {
  servers = await idleServers();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await servers[Symbol.asyncDispose]();
});

async function listen(limits: Partial<ServerLimits>, sse = false): Promise<string> {
  const server = await servers.start(limits);
  return (await server.listenHttp({ ...HTTP_SETTINGS, sse, proxies: PROXIES })).url;
}

async function post(
  url: string,
  from: string,
  message: unknown,
  session?: string | null,
): Promise<{ status: number; session: string | null; text: string; retryAfter: string | null }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      ...{ 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' },
      'X-Forwarded-For': from,
      ...(typeof session === 'string' ? { 'Mcp-Session-Id': session } : {}),
    },
    body: typeof message === 'string' ? message : JSON.stringify(message),
  });
  return {
    status: response.status,
    session: response.headers.get('mcp-session-id'),
    text: await response.text(),
    retryAfter: response.headers.get('retry-after'),
  };
}

describe('a flood of sessions', () => {
  it('makes room among its own: others open theirs, and one that is used stays', async () => {
    const url = await listen({ mcpSessions: 100, mcpSessionsPerCaller: 4 });
    const { session: used } = await post(url, FLOOD, INITIALIZE);
    expect((await post(url, FLOOD, PING, used)).status).toBe(200);
    const { session: neighbours } = await post(url, OTHER, INITIALIZE);
    const flood: (string | null)[] = [];
    for (let i = 0; i < 10; i++) flood.push((await post(url, FLOOD, INITIALIZE)).session);
    const statuses: number[] = [];
    for (const session of flood) statuses.push((await post(url, FLOOD, PING, session)).status);
    expect(statuses).toEqual([...Array<number>(7).fill(404), 200, 200, 200]);
    expect((await post(url, FLOOD, PING, used)).status).toBe(200);
    expect((await post(url, OTHER, PING, neighbours)).status).toBe(200);
    expect((await post(url, OTHER, INITIALIZE)).status).toBe(200);
  });

  it('from everywhere makes room among those who have most', async () => {
    const url = await listen({ mcpSessions: 6, mcpSessionsPerCaller: 4 });
    const { session: single } = await post(url, OTHER, INITIALIZE);
    for (let i = 0; i < 12; i++)
      expect((await post(url, `198.51.100.${i % 4}`, INITIALIZE)).status).toBe(200);
    expect((await post(url, OTHER, PING, single)).status).toBe(200);
  });

  it('of streams is refused beyond the share of its address', async () => {
    const url = await listen({ mcpSessions: 4, mcpSessionsPerCaller: 2 }, true);
    const abort = new AbortController();
    const open = async (from: string): Promise<number> => {
      const headers = { Accept: 'text/event-stream', 'X-Forwarded-For': from };
      return (await fetch(new URL('/sse', url), { headers, signal: abort.signal })).status;
    };
    expect([await open(FLOOD), await open(FLOOD), await open(FLOOD)]).toEqual([200, 200, 503]);
    expect(await open(OTHER)).toBe(200);
    abort.abort();
  });
});

describe('a flood of requests', () => {
  it('is stopped at the door, while a client at the same address is served by its token', async () => {
    const url = await listen({ strangerRequestBurst: 10, strangerRequestsPerSecond: 1e-3 });
    // What knows no proxy comes from the proxy's own address.
    const connection = await connectClient('v2, 2026-07-28', { kind: 'http', url });
    const client = new ProtocolClient('c', connection.call, connection.capabilities);
    await client.enrol();
    const ask = async (): Promise<unknown> => {
      return (await client.callAs('get_session_status', { session_id: 's' })).error_code;
    };
    for (let i = 0; i < 20; i++) expect(await ask()).toBe('ERROR_UNKNOWN_SESSION');
    const statuses: number[] = [];
    // One less than there are: each call pays first, and has it back when its token is seen.
    for (let i = 0; i < 9; i++) statuses.push((await post(url, FLOOD, 'no JSON')).status);
    expect(statuses).toEqual(Array(9).fill(400));
    await post(url, FLOOD, 'no JSON');
    const refused = await post(url, FLOOD, 'no JSON');
    expect(refused).toMatchObject({ status: 429, retryAfter: expect.stringMatching(/^\d+$/) as string });
    expect(await ask()).toBe('ERROR_UNKNOWN_SESSION');
    await connection.close();
  });

  it('from many addresses waits in one line, which a client that shows its token does not stand in', async () => {
    const url = await listen({});
    const connection = await connectClient('v2, 2026-07-28', { kind: 'http', url });
    const client = new ProtocolClient('c', connection.call, connection.capabilities);
    await client.enrol();
    await connection.close();
    const own = await connectClient('v2, 2026-07-28', { kind: 'http', url, token: client.token! });
    client.reconnect(own.call);
    const ask = (): Promise<unknown> => client.callAs('get_session_status', { session_id: 's' });
    await ask();
    const values = `[${'0,'.repeat(10_000)}0]`;
    let answered = 0;
    const flood = Array.from({ length: 100 }, async (_, i) => {
      await post(url, `198.51.100.${i}`, values);
      answered++;
    });
    await ask();
    expect(answered).toBeLessThan(100);
    await Promise.all(flood);
    await own.close();
  });

  it('that is too long a line is refused so that whoever has a token shows it', async () => {
    const take = vi.spyOn(StrangerTurns.prototype, 'take').mockResolvedValue(null);
    expect(await post(await listen({}), OTHER, INITIALIZE)).toMatchObject({ status: 429, retryAfter: '5' });
    expect(take).toHaveBeenCalledWith(OTHER);
  });

  it('is hushed while somebody shows a client’s token, whatever strangers say of themselves', async () => {
    const url = await listen({});
    const connection = await connectClient('v2, 2026-07-28', { kind: 'http', url });
    const client = new ProtocolClient('c', connection.call, connection.capabilities);
    await client.enrol();
    await connection.close();
    const seen = vi.spyOn(StrangerTurns.prototype, 'clientSeen');
    await post(url, OTHER, INITIALIZE);
    expect(seen).not.toHaveBeenCalled();
    const own = await connectClient('v2, 2026-07-28', { kind: 'http', url, token: client.token! });
    expect(seen).toHaveBeenCalled();
    await own.close();
  });

  it('holds no turn for who has left the line', async () => {
    const url = await listen({});
    let begin = (_end: () => void): void => undefined;
    const turn = new Promise<() => void>((resolve) => (begin = resolve));
    const take = vi.spyOn(StrangerTurns.prototype, 'take').mockReturnValueOnce(turn);
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await expect.poll(() => take.mock.calls.length).toBe(1);
    socket.destroy();
    // By then the server has heard of it.
    for (let i = 0; i < 2; i++) await fetch(new URL('/healthz', url));
    const end = vi.fn();
    begin(end);
    await expect.poll(() => end.mock.calls.length).toBe(1);
  });

  it('of bytes costs a client, too, which hears so where it shows its token', async () => {
    const url = await listen({ clientBytesPerSecond: 1, clientByteBurst: 1, maxChunkBytes: 1000 });
    const connection = await connectClient('v2, 2026-07-28', { kind: 'http', url });
    const client = new ProtocolClient('c', connection.call, connection.capabilities);
    await client.enrol();
    await connection.close();
    const send = async (body: string): Promise<number> => {
      const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${client.token}` };
      const response = await fetch(url, { method: 'POST', headers, body });
      await response.text();
      return response.status;
    };
    // Whatever its budget, the largest message that there is passes.
    expect(await send(JSON.stringify({ a: 'x'.repeat(30_000_000) }))).toBe(400);
    expect(await send(JSON.stringify({ a: 'x'.repeat(30_000_000) }))).toBe(429);
  });

  it('in one message is refused', async () => {
    const url = await listen({});
    const many = Array.from({ length: 17 }, (_, id) => ({ ...CALL, id }));
    expect(await post(url, FLOOD, many)).toMatchObject({
      status: 400,
      text: expect.stringContaining('Too many messages') as string,
    });
    const { session } = await post(url, FLOOD, INITIALIZE);
    expect((await post(url, FLOOD, many.slice(0, 2), session)).status).toBe(200);
  });

  it('of calls is refused before arguments are looked at, and without a signature', async () => {
    const url = await listen({ requestBurst: 2, requestsPerSecond: 1e-3 });
    const { session } = await post(url, FLOOD, INITIALIZE);
    const wrong = { ...CALL, params: { name: 'list_models', arguments: { surprise: 1 } } };
    const answers: string[] = [];
    for (let i = 0; i < 3; i++) answers.push((await post(url, FLOOD, wrong, session)).text);
    expect(answers[1]).toContain('ERROR_INVALID_ARGUMENT');
    expect(answers[1]).toContain('"signature"');
    expect(answers[2]).toContain('ERROR_RATE_LIMITED');
    expect(answers[2]).not.toContain('"signature"');
    const { session: other } = await post(url, OTHER, INITIALIZE);
    expect((await post(url, OTHER, CALL, other)).text).toContain('"ok":true');
  });

  it('of large bodies costs its address by the byte', async () => {
    const url = await listen({ maxChunkBytes: 1000, strangerBodyBurst: 1, strangerBodiesPerSecond: 1e-3 });
    const large = JSON.stringify({ a: 'x'.repeat(30_000_000) });
    expect((await post(url, FLOOD, large)).status).toBe(400);
    expect((await post(url, FLOOD, large)).status).toBe(429);
    expect((await post(url, OTHER, large)).status).toBe(400);
  });
});

describe('bodies and connections that stay', () => {
  it('hold no more than the share of their address', async () => {
    const rates = { strangerBodyBurst: 1000, strangerBodiesPerSecond: 1000 };
    const url = await listen({
      ...{ maxChunkBytes: 1000, bodiesInFlight: 200, bodiesInFlightPerCaller: 1 },
      ...rates,
    });
    const { port } = new URL(url);
    const slow = connect(Number(port), '127.0.0.1');
    const head = [
      'POST /mcp HTTP/1.1',
      ...['Host: localhost', 'Content-Type: application/json', `X-Forwarded-For: ${FLOOD}`],
      ...['Content-Length: 44000000', '', ''],
    ];
    slow.write(head.join('\r\n'));
    slow.write(`"${'x'.repeat(40_000_000)}`);
    const large = JSON.stringify({ a: 'x'.repeat(30_000_000) });
    await expect.poll(async () => (await post(url, FLOOD, large)).status).toBe(503);
    expect((await post(url, OTHER, large)).status).toBe(400);
    slow.destroy();
    await expect.poll(async () => (await post(url, FLOOD, large)).status).toBe(400);
  });

  it('of strangers, however many addresses they have, leave room for a client’s', async () => {
    const rates = { strangerBodyBurst: 1000, strangerBodiesPerSecond: 1000 };
    const url = await listen({
      ...{ maxChunkBytes: 1000, bodiesInFlight: 4, bodiesInFlightPerCaller: 1 },
      ...rates,
    });
    const connection = await connectClient('v2, 2026-07-28', { kind: 'http', url });
    const client = new ProtocolClient('c', connection.call, connection.capabilities);
    await client.enrol();
    await connection.close();
    const { port } = new URL(url);
    const slow = [FLOOD, OTHER, '198.51.100.1'].map((from) => {
      const socket = connect(Number(port), '127.0.0.1');
      const lines = ['Host: localhost', 'Content-Type: application/json', `X-Forwarded-For: ${from}`];
      socket.write(['POST /mcp HTTP/1.1', ...lines, 'Content-Length: 44000000', '', ''].join('\r\n'));
      socket.write(`"${'x'.repeat(40_000_000)}`);
      socket.on('error', () => undefined);
      return socket;
    });
    const large = JSON.stringify({ a: 'x'.repeat(30_000_000) });
    await expect.poll(async () => (await post(url, '198.51.100.2', large)).status).toBe(503);
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${client.token}` };
    const own = await fetch(url, { method: 'POST', headers, body: large });
    expect(own.status).toBe(400);
    await own.text();
    for (const socket of slow) socket.destroy();
  });

  it('are closed at once beyond what one address may have', async () => {
    const server = await servers.start({ connectionsPerOrigin: 3 });
    const { url } = await server.listenHttp(HTTP_SETTINGS);
    const sockets = Array.from({ length: 6 }, () => connect(Number(new URL(url).port), '127.0.0.1'));
    for (const socket of sockets) socket.on('error', () => undefined);
    await expect.poll(() => sockets.filter(({ closed }) => closed).length).toBe(3);
    const answers = sockets.filter(({ closed }) => !closed);
    const answered = new Promise((resolve) => answers[0]!.once('data', resolve));
    answers[0]!.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(String(await answered)).toMatch(/^HTTP\/1\.1 200/);
    for (const socket of sockets) socket.destroy();
  });

  it.each(['http://evil.example/healthz', '//evil.example/healthz', '*', 'healthz'])(
    'a request for %s is refused, whatever its Host header says',
    async (target) => {
      const { url } = await (await servers.start()).listenHttp(HTTP_SETTINGS);
      const head = `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
      expect((await exchange(url, Buffer.from(head), Buffer.alloc(0), 2000)).status).toBe(400);
    },
  );

  it('a request with two Host headers is refused, whichever is right', async () => {
    const { url } = await (await servers.start()).listenHttp(HTTP_SETTINGS);
    for (const hosts of [
      ['localhost', 'evil.example'],
      ['localhost', 'localhost'],
    ]) {
      const lines = ['GET /healthz HTTP/1.1', ...hosts.map((host) => `Host: ${host}`), '', ''];
      const { status } = await exchange(url, Buffer.from(lines.join('\r\n')), Buffer.alloc(0), 2000);
      expect(status).toBe(400);
    }
  });
});
