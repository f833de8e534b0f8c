/**
 * The HTTP+SSE transport of revision 2024-11-05, which the draft names: one stream of events from the server, and messages
 * to the server posted beside it. For older clients only.
 */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type {
  AuthInfo,
  JSONRPCMessage,
  MessageExtraInfo,
  Server,
  Transport,
} from '@modelcontextprotocol/server';
import { parseJSONRPCMessage } from '@modelcontextprotocol/server';
import type { AuthorisedRequest, SessionLimits } from './legacy-sessions.ts';
import { mayUse } from './legacy-sessions.ts';
import { sendRefusal } from './request-body.ts';

const KEEP_ALIVE_MS = 15_000;

/** A client that asks but does not read is cut off when so much waits for it. */
export const MAX_UNREAD_BYTES = 64 * 2 ** 20;

/** One stream. */
export class SseTransport implements Transport {
  readonly sessionId = randomUUID();
  onclose: (() => void) | undefined;
  onerror: ((error: Error) => void) | undefined;
  onmessage: (<T extends JSONRPCMessage>(message: T, extra?: MessageExtraInfo) => void) | undefined;
  readonly #response: ServerResponse;
  readonly #endpoint: string;
  #keepAlive: NodeJS.Timeout | undefined;

  constructor(endpoint: string, response: ServerResponse) {
    this.#endpoint = endpoint;
    this.#response = response;
  }

  async start(): Promise<void> {
    this.#response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-cache, no-transform',
      Connection: 'keep-alive',
    });
    this.#write('endpoint', `${this.#endpoint}?sessionId=${this.sessionId}`);
    this.#keepAlive = setInterval(() => this.#response.write(': keep-alive\n\n'), KEEP_ALIVE_MS);
    this.#response.once('close', () => {
      clearInterval(this.#keepAlive);
      this.onclose?.();
    });
  }

  async send(message: JSONRPCMessage): Promise<void> {
    this.#write('message', JSON.stringify(message));
  }

  async close(): Promise<void> {
    this.#response.end();
  }

  receive(message: JSONRPCMessage, authInfo: AuthInfo | undefined): void {
    this.onmessage?.(message, authInfo === undefined ? {} : { authInfo });
  }

  #write(event: string, data: string): void {
    this.#response.write(`event: ${event}\ndata: ${data}\n\n`);
    if (this.#response.writableLength > MAX_UNREAD_BYTES) this.#response.destroy();
  }
}

interface SseSession {
  readonly transport: SseTransport;
  readonly token: string;
  readonly caller: string;
}

export class SseSessions {
  readonly #factory: () => Server;
  readonly #endpoint: string;
  readonly #limits: Omit<SessionLimits, 'idleMs'>;
  readonly #sessions = new Map<string, SseSession>();

  /** @param endpoint path that messages are posted to */
  constructor(factory: () => Server, endpoint: string, limits: Omit<SessionLimits, 'idleMs'>) {
    this.#factory = factory;
    this.#endpoint = endpoint;
    this.#limits = limits;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** A stream is never idle, so that none makes room. @param caller whom it counts against */
  async open(request: AuthorisedRequest, response: ServerResponse, caller: string): Promise<void> {
    const own = [...this.#sessions.values()].filter((session) => session.caller === caller).length;
    if (this.#sessions.size >= this.#limits.all || own >= this.#limits.perCaller) {
      return sendRefusal(
        response,
        { status: 503, code: -32000, message: 'Too many sessions' },
        { 'Retry-After': '5' },
      );
    }
    const transport = new SseTransport(this.#endpoint, response);
    const server = this.#factory();
    this.#sessions.set(transport.sessionId, { transport, token: request.auth?.token ?? '', caller });
    response.once('close', () => this.#sessions.delete(transport.sessionId));
    await server.connect(transport);
  }

  post(request: AuthorisedRequest, response: ServerResponse, sessionId: string | null, body: unknown): void {
    const session = sessionId === null ? undefined : this.#sessions.get(sessionId);
    if (session === undefined || !mayUse(session, request)) {
      return sendRefusal(response, { status: 404, code: -32001, message: 'Session not found' });
    }
    let message: JSONRPCMessage;
    try {
      message = parseJSONRPCMessage(body);
    } catch {
      return sendRefusal(response, {
        status: 400,
        code: -32600,
        message: 'Invalid Request: not a JSON-RPC message',
      });
    }
    response.writeHead(202).end('Accepted');
    session.transport.receive(message, request.auth);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map(({ transport }) => transport.close()));
    this.#sessions.clear();
  }
}
