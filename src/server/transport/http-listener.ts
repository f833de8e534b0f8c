/**
 * One HTTP listener for everything: Streamable HTTP of both revisions, HTTP+SSE if asked for, health and metrics. Here is the socket, plain
 * or with TLS, and how it is closed; what comes in goes through the front door.
 */
import { createServer as createPlain } from 'node:http';
import type { Server as HttpServer, ServerResponse } from 'node:http';
import { createServer as createTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { McpRequestContext, Server } from '@modelcontextprotocol/server';
import { ProtocolError } from '../../errors.ts';
import type { FrontDoorOptions } from './front-door.ts';
import { FrontDoor, MCP_PATH } from './front-door.ts';
import type { AuthorisedRequest } from './legacy-sessions.ts';
import { isLoopback } from './listen-address.ts';
import { sendRefusal } from './request-body.ts';

export interface HttpListenerOptions extends FrontDoorOptions {
  /** PEM; without it only loopback addresses are served. */
  readonly tls: { readonly certificate: string; readonly key: string } | null;
}

export interface HttpListener {
  readonly url: string;
  readonly sessions: number;
  close(): Promise<void>;
}

const DRAIN_MS = 3000;
const SESSIONS_DRAIN_MS = 100;
const DRAIN_POLL_MS = 10;

/** @throws ProtocolError PLAINTEXT_REFUSED, LISTEN_FAILED */
export async function listenHttp(
  factory: (context?: McpRequestContext) => Server,
  options: HttpListenerOptions,
): Promise<HttpListener> {
  const { address, tls } = options;
  if (tls === null && !isLoopback(address.host)) {
    throw new ProtocolError(
      'PLAINTEXT_REFUSED',
      `${address.host} is not a loopback address, and without TLS tokens could be read on the way`,
      { hint: 'give --tls-cert and --tls-key, or listen on 127.0.0.1' },
    );
  }
  const front = new FrontDoor(factory, options);
  const answering = new Set<ServerResponse>();
  const handler = (request: AuthorisedRequest, response: ServerResponse): void => {
    if (request.method === 'POST') {
      answering.add(response);
      response.once('close', () => answering.delete(response));
    }
    front.handle(request, response).catch((error: unknown) => {
      options.onError(error instanceof Error ? error : new Error('a request failed'));
      sendRefusal(response, { status: 500, code: -32603, message: 'Internal error' });
    });
  };
  const server: HttpServer =
    tls === null
      ? createPlain(handler)
      : createTls({ cert: tls.certificate, key: tls.key, minVersion: 'TLSv1.2' }, handler);
  // Slow senders hold a connection no longer than this; evaluations answer on streams that stay open.
  server.requestTimeout = 300_000;
  server.headersTimeout = 20_000;
  // Longer than clients pause between requests: one that uses a connection just as it is closed gets no answer.
  server.keepAliveTimeout = 75_000;
  server.on('connection', (socket) => front.connect(socket));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const message = `cannot listen on ${address.host}:${address.port} (${cause.code ?? 'unknown reason'})`;
      reject(
        new ProtocolError('LISTEN_FAILED', message, {
          hint: 'stop what listens there, or choose another port',
          cause,
        }),
      );
    });
    server.listen(address.port, address.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return {
    url: `${tls === null ? 'http' : 'https'}://${host}:${port}${MCP_PATH}`,
    get sessions() {
      return front.sessions;
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Answers to what was still worked on are let out; streams of sessions get a moment, since they never end by themselves.
      const deadline = performance.now() + DRAIN_MS;
      if (front.sessions > 0) await delay(SESSIONS_DRAIN_MS);
      while (answering.size > 0 && performance.now() < deadline) await delay(DRAIN_POLL_MS);
      await front.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
