/**
 * Streamable HTTP of the 2025 revisions, with sessions: so that a cancellation, which comes in a request of its own, finds the
 * call it is about. Sessions are bounded for each caller and in all; where there are too many, one that nobody uses makes room.
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
  /** Of the Authorization header it was opened with; "": there was none. */
  readonly token: string;
  readonly caller: string;
  usedAt: number;
  /** Requests, the first of which opened it. */
  requests: number;
  open: number;
}

export interface SessionLimits {
  readonly all: number;
  readonly perCaller: number;
  readonly idleMs: number;
}

export type AuthorisedRequest = IncomingMessage & { auth?: AuthInfo };

/** Whoever knows a session's id must know the token that it was opened with; who opened it without one may show one later. */
export function mayUse({ token }: Pick<Session, 'token'>, request: AuthorisedRequest): boolean {
  return token === '' || token === (request.auth?.token ?? '');
}

export class LegacySessions {
  readonly #factory: () => Server;
  readonly #limits: SessionLimits;
  readonly #sessions = new Map<string, Session>();
  /** The least recently used first. */
  readonly #byCaller = new Map<string, Set<Session>>();

  constructor(factory: () => Server, limits: SessionLimits) {
    this.#factory = factory;
    this.#limits = limits;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** @param caller whom a session that is opened counts against */
  async handle(
    request: AuthorisedRequest,
    response: ServerResponse,
    body: unknown,
    caller: string,
  ): Promise<void> {
    const id = request.headers['mcp-session-id'];
    if (typeof id === 'string') {
      const session = this.#sessions.get(id);
      if (session === undefined || !mayUse(session, request)) {
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
    const session = await this.#open(request.auth?.token ?? '', caller);
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
    this.#byCaller.clear();
    await Promise.all(sessions.map(({ server }) => server.close().catch(() => undefined)));
  }

  async #open(token: string, caller: string): Promise<Session | null> {
    this.#forgetIdle();
    if (!this.#makeRoom(caller)) return null;
    const server = this.#factory();
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => this.#enter(id, session),
    });
    const session: Session = {
      ...{ transport, server, token, caller },
      ...{ usedAt: performance.now(), requests: 0, open: 0 },
    };
    server.onclose = () => this.#leave(session);
    await server.connect(transport);
    return session;
  }

  #enter(id: string, session: Session): void {
    this.#sessions.set(id, session);
    const own = this.#byCaller.get(session.caller) ?? new Set();
    this.#byCaller.set(session.caller, own.add(session));
  }

  #leave(session: Session): void {
    const id = session.transport.sessionId;
    if (id === undefined || !this.#sessions.delete(id)) return;
    const own = this.#byCaller.get(session.caller);
    own?.delete(session);
    if (own?.size === 0) this.#byCaller.delete(session.caller);
  }

  async #serve(
    session: Session,
    request: AuthorisedRequest,
    response: ServerResponse,
    body: unknown,
  ): Promise<void> {
    this.#touch(session);
    session.requests++;
    session.open++;
    response.once('close', () => {
      session.open--;
      this.#touch(session);
    });
    await session.transport.handleRequest(request, response, body);
  }

  /** The most recently used from now on. */
  #touch(session: Session): void {
    session.usedAt = performance.now();
    const own = this.#byCaller.get(session.caller);
    if (own?.delete(session) === true) own.add(session);
  }

  /** Of the caller itself if it has its share, else of whoever has most: a flood makes room among its own. */
  #makeRoom(caller: string): boolean {
    const own = this.#byCaller.get(caller);
    if (own !== undefined && own.size >= this.#limits.perCaller) return this.#evictFrom(own);
    if (this.#sessions.size < this.#limits.all) return true;
    const bySize = [...this.#byCaller.values()].sort((a, b) => b.size - a.size);
    return bySize.some((sessions) => this.#evictFrom(sessions));
  }

  /** Sessions that were opened and never used, then those that were not used for longest; never one with a call under way. */
  #evictFrom(sessions: ReadonlySet<Session>): boolean {
    const idle = [...sessions].filter(({ open }) => open === 0);
    const victim = idle.find(({ requests }) => requests === 1) ?? idle[0];
    if (victim === undefined) return false;
    this.#end(victim);
    return true;
  }

  #forgetIdle(): void {
    const before = performance.now() - this.#limits.idleMs;
    for (const session of this.#sessions.values()) {
      if (session.open === 0 && session.usedAt <= before) this.#end(session);
    }
  }

  #end(session: Session): void {
    this.#leave(session);
    session.server.close().catch(() => undefined);
  }
}
