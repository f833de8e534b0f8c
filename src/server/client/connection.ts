/**
 * One MCP connection, whatever the transport and whichever revision the server speaks. Failures of the connection become
 * `ConnectionFailure`s, which say whether trying again may help; failures of tools are answers like others.
 */
import {
  Client,
  ProtocolError,
  SdkError,
  SdkHttpError,
  SSEClientTransport,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import type { Transport } from '@modelcontextprotocol/client';
import { getDefaultEnvironment, StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { ToolError } from '../protocol/error-codes.ts';
import { EXTENSION } from '../protocol/extension.ts';
import type { BearerSource } from './bearer-fetch.ts';
import { bearerFetch } from './bearer-fetch.ts';
import { boundedFetch } from './bounded-fetch.ts';
import { refusingFetch, ServerRefusal, TOO_MANY_REQUESTS } from './refusing-fetch.ts';
import type { ServerAddress } from './server-address.ts';

export type JsonObject = Record<string, unknown>;

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** 0 … 1 and what is going on. */
  readonly progress?: (fraction: number, message: string | undefined) => void;
  /** Without any sign of life; progress is one. */
  readonly silenceMs?: number;
  /** In all, whatever signs of life there are. */
  readonly patienceMs?: number;
}

export interface Answer {
  readonly isError: boolean;
  readonly structured: unknown;
  readonly meta: JsonObject;
}

/** Anything that tools can be called on; tests put other things in a server's place. */
export interface Connection extends AsyncDisposable {
  /** What the server declares of this protocol, unchecked; null if nothing. */
  readonly settings: unknown;
  call(tool: string, args: JsonObject, meta: JsonObject, options: CallOptions): Promise<Answer>;
}

/** The server could not be reached, broke off, or does not speak the protocol. */
export class ConnectionFailure extends ToolError {
  /** Another attempt would end in the same way. */
  readonly permanent: boolean;

  constructor(message: string, permanent: boolean, cause?: unknown, retryAfterMs?: number) {
    super('ERROR_REMOTE', message, { cause, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
    this.permanent = permanent;
  }
}

const SILENCE_MS = 120_000;
/** Evaluations are given more. */
const PATIENCE_MS = 30 * 60_000;
const CONNECT_MS = 30_000;
const STDIO_BUFFER_BYTES = 64 * 2 ** 20;

export interface ConnectOptions {
  readonly signal?: AbortSignal | undefined;
  readonly version?: string;
  /** For another certificate authority, or to see what is sent. */
  readonly fetch?: typeof fetch;
  /** For servers that ask for an Authorization header. */
  readonly bearers?: BearerSource | undefined;
}

/** @throws ConnectionFailure */
export async function connect(address: ServerAddress, options: ConnectOptions = {}): Promise<Connection> {
  const { signal, bearers } = options;
  const bounded = boundedFetch(options.fetch ?? globalThis.fetch);
  const door =
    bearers === undefined ? { fetch: bounded, show: () => undefined } : bearerFetch(bounded, bearers);
  const client = new Client(
    { name: 'he-compile', version: options.version ?? '0' },
    { capabilities: {}, versionNegotiation: { mode: 'auto' } },
  );
  try {
    await client.connect(transportTo(address, refusingFetch(door.fetch)), {
      timeout: CONNECT_MS,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    await client.close().catch(() => undefined);
    signal?.throwIfAborted();
    throw explain(error);
  }
  return new McpConnection(client, (token) => door.show(token));
}

class McpConnection implements Connection {
  readonly #client: Client;
  readonly #show: (token: string) => void;

  /** @param show hears of every token that calls carry */
  constructor(client: Client, show: (token: string) => void) {
    this.#client = client;
    this.#show = show;
  }

  get settings(): unknown {
    const capabilities = this.#client.getServerCapabilities() as
      { extensions?: JsonObject; experimental?: JsonObject } | undefined;
    return capabilities?.extensions?.[EXTENSION] ?? capabilities?.experimental?.[EXTENSION] ?? null;
  }

  async call(tool: string, args: JsonObject, meta: JsonObject, options: CallOptions): Promise<Answer> {
    const { signal, progress, silenceMs = SILENCE_MS, patienceMs = PATIENCE_MS } = options;
    if (typeof args['auth_token'] === 'string') this.#show(args['auth_token']);
    try {
      const result = await this.#client.callTool(
        { name: tool, arguments: args, ...(Object.keys(meta).length === 0 ? {} : { _meta: meta }) },
        {
          timeout: silenceMs,
          resetTimeoutOnProgress: true,
          maxTotalTimeout: patienceMs,
          ...(signal === undefined ? {} : { signal }),
          ...(progress === undefined
            ? {}
            : {
                onprogress: ({ progress: done, total, message }) =>
                  progress(fractionOf(done, total), message),
              }),
        },
      );
      return {
        isError: result.isError === true,
        structured: result.structuredContent,
        meta: { ...result._meta },
      };
    } catch (error) {
      signal?.throwIfAborted();
      throw explain(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close().catch(() => undefined);
  }
}

/** 0 … 1, whatever was said. */
function fractionOf(done: number, total: number | undefined): number {
  const fraction = done / (total ?? 1);
  return Number.isFinite(fraction) ? Math.min(1, Math.max(0, fraction)) : 0;
}

function transportTo(address: ServerAddress, fetch: typeof globalThis.fetch): Transport {
  const options = { fetch };
  switch (address.kind) {
    case 'http':
      return new StreamableHTTPClientTransport(address.url, options);
    case 'sse':
      return new SSEClientTransport(address.url, options);
    case 'stdio':
      return new StdioClientTransport({
        command: address.command,
        args: [...address.args],
        env: { ...getDefaultEnvironment(), ...address.environment },
        stderr: 'ignore',
        maxBufferSize: STDIO_BUFFER_BYTES,
      });
  }
}

/** JSON-RPC's internal error: the one that may go away. */
const INTERNAL = -32603;
const RECONNECT = 404;

function explain(error: unknown): ToolError {
  if (error instanceof ConnectionFailure) return error;
  const refusal = refusalIn(error);
  if (refusal !== null) return explainRefusal(refusal);
  if (error instanceof SdkHttpError) {
    const { status } = error;
    const passes = status === RECONNECT || status >= 500;
    return new ConnectionFailure(`the server answered with HTTP status ${status}`, !passes, error);
  }
  if (error instanceof ProtocolError) {
    return new ConnectionFailure(
      `the server refused the request (${error.code})`,
      error.code !== INTERNAL,
      error,
    );
  }
  const reason = networkReason(error);
  if (reason === 'ECONNREFUSED')
    return new ConnectionFailure(
      'nothing answers at that address: is the server running?',
      isHopeless(reason),
      error,
    );
  if (error instanceof SdkError)
    return new ConnectionFailure(
      `the connection failed (${reason ?? error.code})`,
      isHopeless(reason),
      error,
    );
  return new ConnectionFailure(
    `the server cannot be reached (${reason ?? 'unknown reason'})`,
    isHopeless(reason),
    error,
  );
}

function refusalIn(error: unknown): ServerRefusal | null {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    if (at instanceof ServerRefusal) return at;
  return null;
}

function explainRefusal(refusal: ServerRefusal): ToolError {
  const { status, message, retryAfterMs } = refusal;
  // The connection is as good as before, and another one would be one request more.
  if (status === TOO_MANY_REQUESTS)
    return new ToolError('ERROR_RATE_LIMITED', 'the server takes no more requests now', {
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  return new ConnectionFailure(message, false, refusal, retryAfterMs);
}

/** The code of the innermost cause that has one: "ECONNREFUSED", "CERT_HAS_EXPIRED", … */
function networkReason(error: unknown): string | null {
  let reason: string | null = null;
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(at.code)) reason = at.code;
  }
  return reason;
}

/** Whom the certificate does not vouch for, it will not vouch for in a second either. */
function isHopeless(reason: string | null): boolean {
  return reason !== null && /CERT|SELF_SIGNED|UNABLE_TO_|ENOENT|EACCES|ERR_TLS/.test(reason);
}
