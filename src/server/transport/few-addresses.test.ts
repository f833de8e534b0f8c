/** A listener whose connections are taken by few addresses: others get in, and clients that were recognised stay. */
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HTTP_SETTINGS, type IdleServers, idleServers } from '../testing/idle-servers.ts';
import { connectClient } from '../testing/mcp-clients.ts';
import { ProtocolClient } from '../testing/protocol-client.ts';

let servers: IdleServers;
let sockets: Socket[];
let port: number;
let token: string;
beforeEach(async () => {
  sockets = [];
  servers = await idleServers();
  const server = await servers.start({ connections: 6, connectionsPerOrigin: 3 });
  const { url } = await server.listenHttp(HTTP_SETTINGS);
  port = Number(new URL(url).port);
  const connection = await connectClient('v2, 2026-07-28', { kind: 'http', url });
  const client = new ProtocolClient('c', connection.call, connection.capabilities);
  await client.enrol();
  await connection.close();
  token = client.token!;
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await servers[Symbol.asyncDispose]();
});

function open(localAddress: string): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.on('error', () => undefined);
  sockets.push(socket);
  return socket;
}

/** The first line of the answer, or nothing if the connection is closed; it stays open. */
async function ask(socket: Socket, head: readonly string[], body = ''): Promise<string> {
  const answered = new Promise<string>((resolve) => {
    socket.once('data', (data) => resolve(String(data)));
    socket.once('close', () => resolve(''));
  });
  if (socket.destroyed) return '';
  socket.write([...head, 'Host: localhost', '', body].join('\r\n'));
  return (await answered).split('\r\n')[0]!;
}

/** Unsigned, and refused for that, but its token is the client's. */
function call(): [head: string[], body: string] {
  const params = {
    name: 'get_session_status',
    arguments: { client_id: 'c', session_id: 's', auth_token: token },
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
  const head = [
    ...['POST /mcp HTTP/1.1', 'Content-Type: application/json', `Content-Length: ${body.length}`],
    ...['Accept: application/json, text/event-stream', 'MCP-Protocol-Version: 2026-07-28'],
    ...['Mcp-Method: tools/call', 'Mcp-Name: get_session_status'],
  ];
  return [head, body];
}

// Elsewhere a machine has but one loopback address.
describe.runIf(process.platform === 'linux')('connections of few addresses', () => {
  it.each<[string, (own: Socket) => Promise<string>]>([
    ['in the header', (own) => ask(own, ['GET /mcp HTTP/1.1', `Authorization: Bearer ${token}`])],
    ['in a call', (own) => ask(own, ...call())],
  ])('keep nobody out, and take none on which a token was seen %s', async (_, show) => {
    const own = open('127.0.0.2');
    expect(await show(own)).toMatch(/^HTTP/);
    // Its own address has as many as others.
    const idle = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'].flatMap((address) =>
      Array.from({ length: address === '127.0.0.2' ? 2 : 3 }, () => open(address)),
    );
    await expect.poll(() => idle.filter(({ closed }) => closed).length).toBeGreaterThanOrEqual(6);
    expect(await ask(open('127.0.0.7'), ['GET /healthz HTTP/1.1'])).toBe('HTTP/1.1 200 OK');
    expect(await ask(own, ['GET /mcp HTTP/1.1'])).toMatch(/^HTTP/);
  });
});
