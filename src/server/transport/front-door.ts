/**
 * The way of a request in, whatever socket it comes from. Checks, in this order: number of connections, Host and Origin (DNS rebinding),
 * path, bearer token, rate, and the body while it arrives, for which strangers stand in line.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { hostHeaderValidation, originValidation, toNodeHandler } from '@modelcontextprotocol/node';
import type { McpRequestContext, Server } from '@modelcontextprotocol/server';
import { createMcpHandler, isLegacyRequest } from '@modelcontextprotocol/server';
import type { AdmissionLimits, AdmissionRates, Visit } from './admission.ts';
import { Admission } from './admission.ts';
import type { ConnectionLimits, OpenConnection } from './connections.ts';
import { Connections } from './connections.ts';
import type { AuthorisedRequest, SessionLimits } from './legacy-sessions.ts';
import { LegacySessions } from './legacy-sessions.ts';
import type { ListenAddress } from './listen-address.ts';
import { hostNames } from './listen-address.ts';
import type { ProxyTrust } from './origin-address.ts';
import { NO_PROXY, Origins } from './origin-address.ts';
import type { Body } from './request-body.ts';
import { readJsonBody, sendRefusal } from './request-body.ts';
import { SseSessions } from './sse-sessions.ts';
import { StrangerTurns } from './stranger-turns.ts';

export interface FrontDoorOptions {
  readonly address: ListenAddress;
  /** HTTP+SSE of 2024-11-05 at /sse. */
  readonly sse: boolean;
  readonly maxBodyBytes: number;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly sessions: SessionLimits;
  readonly admission: AdmissionLimits & ConnectionLimits;
  readonly rates: AdmissionRates;
  /** None unless given. */
  readonly proxies?: ProxyTrust;
  /** Whose the token of an Authorization header is; null: nobody's. */
  holderOf(token: string): Promise<string | null>;
  /** Refuse everything that has no Authorization header. */
  readonly requireBearer: boolean;
  /** Path → body, for health and metrics; null: not now (503). */
  readonly pages: Readonly<
    Record<string, () => Promise<{ readonly type: string; readonly body: string; readonly ok: boolean }>>
  >;
  onError(error: Error): void;
}

export const MCP_PATH = '/mcp';
const SSE_PATH = '/sse';
const SSE_MESSAGES_PATH = '/messages';
/** Revisions that have batches at all say nothing of their size; each message of one costs like a request. */
const MAX_BATCH = 16;
/** So that whoever has a token shows it. */
const LINE_TOO_LONG = { status: 429, code: -32000, message: 'Too many requests at once', retryAfterMs: 5000 };
const BEARER = /^Bearer ([A-Za-z0-9_.~+/=-]{1,512})$/i;

export class FrontDoor {
  readonly #options: FrontDoorOptions;
  readonly #modern: ReturnType<typeof createMcpHandler>;
  readonly #modernNode: ReturnType<typeof toNodeHandler>;
  readonly #legacy: LegacySessions;
  readonly #sse: SseSessions | null;
  readonly #admission: Admission;
  readonly #connections: Connections;
  /** By the other end's address and port: with TLS, requests come on another socket than was counted. */
  readonly #open = new Map<string, OpenConnection>();
  readonly #origins: Origins;
  readonly #turns = new StrangerTurns();
  readonly #guards: readonly ReturnType<typeof hostHeaderValidation>[];

  constructor(factory: (context?: McpRequestContext) => Server, options: FrontDoorOptions) {
    const { maxBodyBytes, sessions } = options;
    const onError = (error: Error): void => options.onError(error);
    this.#options = options;
    this.#modern = createMcpHandler(factory, {
      legacy: 'reject',
      maxRequestBodySize: maxBodyBytes,
      onerror: onError,
    });
    this.#modernNode = toNodeHandler(this.#modern, { maxRequestBodySize: maxBodyBytes, onerror: onError });
    this.#legacy = new LegacySessions(() => factory(), sessions);
    this.#sse = options.sse ? new SseSessions(() => factory(), SSE_MESSAGES_PATH, sessions) : null;
    this.#admission = new Admission(options.admission, options.rates);
    this.#connections = new Connections(options.admission);
    this.#origins = new Origins(options.proxies ?? NO_PROXY);
    const hosts = hostNames(options.address, options.allowedHosts);
    this.#guards = [hostHeaderValidation(hosts), originValidation([...hosts, ...options.allowedOrigins])];
  }

  get sessions(): number {
    return this.#legacy.size + (this.#sse?.size ?? 0);
  }

  /** Counted from here on; without an answer if there are too many, since that would cost what is to be saved. */
  connect(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const name = nameOf(socket);
    const connection = this.#connections.open(address, this.#origins.isProxy(address), () =>
      socket.destroy(),
    );
    if (connection === null) {
      socket.destroy();
      return;
    }
    this.#open.set(name, connection);
    socket.once('close', () => {
      connection.left();
      if (this.#open.get(name) === connection) this.#open.delete(name);
    });
  }

  async handle(request: AuthorisedRequest, response: ServerResponse): Promise<void> {
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Cache-Control', 'no-store');
    // Which of them is meant, a proxy and this server may see differently.
    if ((request.headersDistinct['host'] ?? []).length > 1) {
      return sendRefusal(response, { status: 400, code: -32600, message: 'More than one Host header' });
    }
    for (const allows of this.#guards) if (!allows(request, response)) return;
    const target = request.url ?? '/';
    const url = URL.parse(target, 'http://localhost');
    // A target with a host of its own may be another one than the header's.
    if (url === null || !target.startsWith('/') || target.startsWith('//')) {
      return sendRefusal(response, { status: 400, code: -32600, message: 'Invalid request target' });
    }
    const page = request.method === 'GET' ? this.#options.pages[url.pathname] : undefined;
    if (page !== undefined) {
      const { type, body, ok } = await page();
      response.writeHead(ok ? 200 : 503, { 'Content-Type': type }).end(body);
      return;
    }
    const visit = await this.#admit(request, response);
    if (visit === null || !(await this.#standInLine(visit, this.#origins.of(request), response))) return;
    const post = request.method === 'POST';
    if (url.pathname === MCP_PATH) return this.#streamable(request, response, visit);
    if (this.#sse !== null && url.pathname === SSE_PATH && request.method === 'GET') {
      return this.#sse.open(request, response, visit.caller);
    }
    if (this.#sse !== null && url.pathname === SSE_MESSAGES_PATH && post) {
      const body = await this.#read(request, visit);
      if (!body.ok) return sendRefusal(response, body.refuse);
      return this.#sse.post(request, response, url.searchParams.get('sessionId'), body.value);
    }
    sendRefusal(response, { status: 404, code: -32601, message: 'Not found' });
  }

  async close(): Promise<void> {
    await Promise.all([this.#modern.close(), this.#legacy.close(), this.#sse?.close()]);
  }

  /** False if it was answered or is gone. */
  async #standInLine({ stranger }: Visit, origin: string, response: ServerResponse): Promise<boolean> {
    if (!stranger) {
      this.#turns.clientSeen();
      this.#open.get(nameOf(response.req.socket))?.keep();
      return true;
    }
    const end = await this.#turns.take(origin);
    if (end === null) {
      sendRefusal(response, LINE_TOO_LONG);
      return false;
    }
    if (response.destroyed) end();
    else response.once('close', end);
    return !response.destroyed;
  }

  #read(request: AuthorisedRequest, visit: Visit): Promise<Body> {
    return readJsonBody(request, { bytes: this.#options.maxBodyBytes, hold: (bytes) => visit.hold(bytes) });
  }

  async #streamable(request: AuthorisedRequest, response: ServerResponse, visit: Visit): Promise<void> {
    if (request.method !== 'POST') {
      // Streams and ends of 2025 sessions; the stateless revision has neither.
      if (request.method === 'GET' || request.method === 'DELETE')
        return this.#legacy.handle(request, response, undefined, visit.caller);
      return sendRefusal(
        response,
        { status: 405, code: -32000, message: 'Method not allowed' },
        { Allow: 'POST, GET, DELETE' },
      );
    }
    const body = await this.#read(request, visit);
    if (!body.ok) return sendRefusal(response, body.refuse);
    if (Array.isArray(body.value) && body.value.length > MAX_BATCH) {
      return sendRefusal(response, {
        status: 400,
        code: -32600,
        message: 'Too many messages in one request',
      });
    }
    const probe = new Request(`http://localhost${MCP_PATH}`, { method: 'POST', headers: headersOf(request) });
    if (await isLegacyRequest(probe, body.value)) {
      return this.#legacy.handle(request, response, body.value, visit.caller);
    }
    await this.#modernNode(
      request as AuthorisedRequest & { method: string; url: string },
      response,
      body.value,
    );
  }

  /** A token that is sent must be good; which client may do what is the tools' business. Null: it is refused. */
  async #admit(request: AuthorisedRequest, response: ServerResponse): Promise<Visit | null> {
    const header = request.headers.authorization;
    const token = BEARER.exec(header ?? '')?.[1] ?? '';
    const holder = token === '' ? null : await this.#options.holderOf(token);
    const origin = this.#origins.of(request);
    // Who guesses tokens pays for it like any stranger.
    const visit = this.#admission.enter(holder, origin);
    if ('status' in visit) {
      sendRefusal(response, visit);
      return null;
    }
    if (response.destroyed) visit.leave();
    else response.once('close', () => visit.leave());
    if (holder === null && (header !== undefined || this.#options.requireBearer)) {
      const challenge = header === undefined ? 'Bearer' : 'Bearer error="invalid_token"';
      sendRefusal(
        response,
        { status: 401, code: -32001, message: 'Unauthorized' },
        { 'WWW-Authenticate': challenge },
      );
      return null;
    }
    const vouch = (client: string): void => {
      visit.vouch(client);
      this.#open.get(nameOf(request.socket))?.keep();
    };
    const extra = { address: origin, vouch };
    request.auth = { token, clientId: '', scopes: [], extra };
    return visit;
  }
}

function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function headersOf(request: AuthorisedRequest): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (typeof value === 'string') headers.set(name, value);
  }
  return headers;
}
