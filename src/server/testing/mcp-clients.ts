/** The clients that hosts use, of both generations and every protocol revision, over each transport. */
import {
  Client as ClientV2,
  SSEClientTransport as SseV2,
  StreamableHTTPClientTransport as StreamableV2,
} from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport as SseV1 } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as StreamableV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Caller } from './protocol-client.ts';

/** Queues are long where many test at once. */
const TIMEOUT_MS = 600_000;

export interface Connection {
  readonly call: Caller;
  readonly capabilities: unknown;
  readonly protocolVersion: string | undefined;
  /** Of a server on stdio, which the client started. */
  readonly processId: number | null;
  /** Names of what tools/list answers; from then on the clients hold answers against the output schemas. */
  toolNames(): Promise<string[]>;
  readonly close: () => Promise<void>;
}

/** Where a server is. */
export type Endpoint =
  /** `url` of /mcp; `token` goes into the Authorization header. */
  | { readonly kind: 'http'; readonly url: string; readonly token?: string }
  /** `url` of /mcp as well: /sse stands beside it. */
  | { readonly kind: 'sse'; readonly url: string }
  /** Arguments of Node.js; `environment` is all that the process gets. */
  | {
      readonly kind: 'stdio';
      readonly args: readonly string[];
      readonly environment: Readonly<Record<string, string>>;
    };

/** A generation of the SDK and the revision that it is made to speak. HTTP+SSE has none after 2025-11-25. */
export type ClientKind = 'v1' | 'v2, 2026-07-28' | 'v2, 2025-11-25';

export function connectClient(kind: ClientKind, endpoint: Endpoint): Promise<Connection> {
  switch (kind) {
    case 'v1':
      return connectV1(endpoint);
    case 'v2, 2026-07-28':
      return connectV2(endpoint, { mode: { pin: '2026-07-28' } });
    case 'v2, 2025-11-25':
      return connectV2(endpoint, { mode: 'legacy' });
  }
}

/** @param url of /mcp */
export const connectors: Readonly<Record<string, (url: string) => Promise<Connection>>> = {
  'v1 over Streamable HTTP': (url) => connectClient('v1', { kind: 'http', url }),
  'v1 over HTTP+SSE': (url) => connectClient('v1', { kind: 'sse', url }),
  'v2 over Streamable HTTP, 2026-07-28': (url) => connectClient('v2, 2026-07-28', { kind: 'http', url }),
  'v2 over Streamable HTTP, 2025-11-25': (url) => connectClient('v2, 2025-11-25', { kind: 'http', url }),
  'v2 over HTTP+SSE': (url) => connectClient('v2, 2025-11-25', { kind: 'sse', url }),
};

async function connectV1(endpoint: Endpoint): Promise<Connection> {
  const client = new ClientV1({ name: 'test', version: '1' });
  // The SDK's own types do not agree under exactOptionalPropertyTypes.
  const transport = transportOf(TRANSPORTS_V1, endpoint);
  await client.connect(transport);
  return {
    call: (params) => client.callTool(params, undefined, { timeout: TIMEOUT_MS }),
    capabilities: client.getServerCapabilities(),
    protocolVersion: undefined,
    processId: 'pid' in transport ? transport.pid : null,
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    close: () => client.close(),
  };
}

type Negotiation = NonNullable<ConstructorParameters<typeof ClientV2>[1]>['versionNegotiation'] & object;

async function connectV2(endpoint: Endpoint, versionNegotiation: Negotiation): Promise<Connection> {
  const client = new ClientV2({ name: 'test', version: '1' }, { versionNegotiation });
  const transport = transportOf(TRANSPORTS_V2, endpoint);
  await client.connect(transport);
  return {
    call: (params) => client.callTool(params, { timeout: TIMEOUT_MS }),
    capabilities: client.getServerCapabilities(),
    protocolVersion: client.getNegotiatedProtocolVersion(),
    processId: 'pid' in transport ? transport.pid : null,
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    close: () => client.close(),
  };
}

/** The transports of one generation of the SDK. */
interface Transports<Http, Sse, Stdio> {
  readonly http: new (url: URL, options: { requestInit?: RequestInit }) => Http;
  readonly sse: new (url: URL) => Sse;
  readonly stdio: new (process: ReturnType<typeof processOf>) => Stdio;
}
const TRANSPORTS_V1 = { http: StreamableV1, sse: SseV1, stdio: StdioV1 };
const TRANSPORTS_V2 = { http: StreamableV2, sse: SseV2, stdio: StdioV2 };

function transportOf<Http, Sse, Stdio>(
  transports: Transports<Http, Sse, Stdio>,
  endpoint: Endpoint,
): Http | Sse | Stdio {
  switch (endpoint.kind) {
    case 'http':
      return new transports.http(new URL(endpoint.url), authorization(endpoint.token));
    case 'sse':
      return new transports.sse(new URL('/sse', endpoint.url));
    case 'stdio':
      return new transports.stdio(processOf(endpoint));
  }
}

function authorization(token: string | undefined): { requestInit?: RequestInit } {
  return token === undefined ? {} : { requestInit: { headers: { Authorization: `Bearer ${token}` } } };
}

function processOf({ args, environment }: Endpoint & { kind: 'stdio' }) {
  return {
    command: process.execPath,
    args: [...args],
    env: { ...environment },
    stderr: 'ignore' as const,
  };
}
