/**
 * Streamable HTTP of the 2025 revisions, with sessions: so that a cancellation, which comes in a request of its own, finds the
 * call it is about. Sessions are bounded in number and forgotten when unused.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import type { AuthInfo, Server } from '@modelcontextprotocol/server';
import { isInitializeRequest } from '@modelcontextprotocol/server';
import { sendRefusal } from './request-body.ts';

interface Session {
  readonly transport: NodeStreamableHTTPServerTransport;
  readonly server: Server;
  /** The Authorization header it was opened with; whoever knows the session id must know this too. */
  readonly token: string;
  usedAt: number;
  open: number;
}

export interface LegacySessionLimits {
  readonly sessions: number;
  readonly idleMs: number;
}

export type AuthorisedRequest = IncomingMessage & { auth?: AuthInfo };

export class LegacySessions {
  readonly #factory: () => Server;
  readonly #limits: LegacySessionLimits;
  readonly #sessions = new Map<string, Session>();

  constructor(factory: () => Server, limits: LegacySessionLimits) {
    this.#factory = factory;
    this.#limits = limits;
  }

  get size(): number {
    return this.#sessions.size;
  }

  async handle(request: AuthorisedRequest, response: ServerResponse, body: unknown): Promise<void> {
    const id = request.headers['mcp-session-id'];
    if (typeof id === 'string') {
      const session = this.#sessions.get(id);
      if (session === undefined || session.token !== (request.auth?.token ?? '')) {
        return sendRefusal(response, { status: 404, code: -32001, message: 'Session not found' });
      }
      return this.#serve(session, request, response, body);
    }
    const messages = Array.isArray(body) ? body : [body];
    if (!messages.some((message) => isInitializeRequest(message))) {
      return sendRefusal(response, {
        status: 400,
        code: -32000,
        message: 'Bad Request: Mcp-Session-Id header is required',
      });
    }
    const session = await this.#open(request.auth?.token ?? '');
    if (session === null) {
      return sendRefusal(
        response,
        { status: 503, code: -32000, message: 'Too many sessions' },
        { 'Retry-After': '5' },
      );
    }
    return this.#serve(session, request, response, body);
  }

  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    await Promise.all(sessions.map(({ server }) => server.close().catch(() => undefined)));
  }

  async #open(token: string): Promise<Session | null> {
    this.#forgetIdle();
    if (this.#sessions.size >= this.#limits.sessions) return null;
    const server = this.#factory();
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => void this.#sessions.set(id, session),
    });
    const session: Session = { transport, server, token, usedAt: performance.now(), open: 0 };
    server.onclose = () => {
      const id = transport.sessionId;
      if (id !== undefined) this.#sessions.delete(id);
    };
    await server.connect(transport);
    return session;
  }

  async #serve(
    session: Session,
    request: AuthorisedRequest,
    response: ServerResponse,
    body: unknown,
  ): Promise<void> {
    session.usedAt = performance.now();
    session.open++;
    response.once('close', () => {
      session.open--;
      session.usedAt = performance.now();
    });
    await session.transport.handleRequest(request, response, body);
  }

  #forgetIdle(): void {
    const before = performance.now() - this.#limits.idleMs;
    for (const [id, { open, usedAt, server }] of this.#sessions) {
      if (open > 0 || usedAt > before) continue;
      this.#sessions.delete(id);
      server.close().catch(() => undefined);
    }
  }
}
