/** Stands between one participant's process and the aggregator's: tests hear every byte here, and put faults. */
import { createServer, request as send } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface WireCall {
  readonly participant: string;
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
}

export interface WireTap {
  /** Before a call is passed on; false: it never arrives, and its connection breaks. */
  before: (call: WireCall) => Promise<boolean | void> | boolean | void;
  /** Before its answer is handed back; false: it never arrives. */
  after: (call: WireCall) => Promise<boolean | void> | boolean | void;
  /** Bodies, in both directions. */
  heard: (participant: string, bytes: Buffer) => void;
}

export interface TappedWire extends AsyncDisposable {
  /** Where the participant finds the aggregator. */
  readonly url: string;
}

/** @param target of the aggregator's /mcp */
export async function openWire(participant: string, target: string, tap: WireTap): Promise<TappedWire> {
  const server = createServer((request, response) => {
    // Whatever breaks looks to the participant as a network that does.
    pass(request, response, participant, target, tap).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    [Symbol.asyncDispose]: () => closed(server),
  };
}

async function pass(
  request: IncomingMessage,
  response: ServerResponse,
  participant: string,
  target: string,
  tap: WireTap,
): Promise<void> {
  const body = await buffer(request);
  tap.heard(participant, body);
  const call = callIn(participant, body);
  if (call !== null && (await tap.before(call)) === false) return void request.socket.destroy();
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const { host } = new URL(target);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const { method = 'POST', headers } = request;
    const onward = { method, headers: { ...headers, host }, agent: false, signal: gone.signal };
    send(target, onward, resolve).once('error', reject).end(body);
  });
  const said = await buffer(answer);
  tap.heard(participant, said);
  if (call !== null && (await tap.after(call)) === false) return void request.socket.destroy();
  response.writeHead(answer.statusCode ?? 502, answer.headers).end(said);
}

/** Null: no call of a tool. */
function callIn(participant: string, body: Buffer): WireCall | null {
  if (body.length === 0) return null;
  const { method, params } = JSON.parse(body.toString('utf8')) as {
    method?: string;
    params?: { name: string; arguments?: Record<string, unknown> };
  };
  if (method !== 'tools/call' || params === undefined) return null;
  return { participant, tool: params.name, args: params.arguments ?? {} };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
