/** The clients that hosts use, one of each generation, over each HTTP transport. */
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as StreamableV2,
} from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport as StreamableV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Caller } from './protocol-client.ts';

/** Queues are long where many test at once. */
const TIMEOUT_MS = 600_000;

export interface Connection {
  readonly call: Caller;
  readonly capabilities: unknown;
  readonly protocolVersion: string | undefined;
  toolNames(): Promise<string[]>;
  readonly close: () => Promise<void>;
}

/** @param url of /mcp */
export const connectors: Readonly<Record<string, (url: string) => Promise<Connection>>> = {
  'v1 over Streamable HTTP': (url) => connectV1(new StreamableV1(new URL(url))),
  'v1 over HTTP+SSE': (url) => connectV1(new SSEClientTransport(new URL('/sse', url))),
  'v2 over Streamable HTTP, 2026-07-28': (url) => connectV2(url, { mode: { pin: '2026-07-28' } }),
  'v2 over Streamable HTTP, 2025-11-25': (url) => connectV2(url, { mode: 'legacy' }),
};

async function connectV1(transport: StreamableV1 | SSEClientTransport): Promise<Connection> {
  const client = new ClientV1({ name: 'test', version: '1' });
  // The SDK's own types do not agree under exactOptionalPropertyTypes.
  await client.connect(transport);
  return {
    call: (params) => client.callTool(params, undefined, { timeout: TIMEOUT_MS }),
    capabilities: client.getServerCapabilities(),
    protocolVersion: undefined,
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    close: () => client.close(),
  };
}

async function connectV2(
  url: string,
  versionNegotiation: NonNullable<ConstructorParameters<typeof ClientV2>[1]>['versionNegotiation'] & object,
): Promise<Connection> {
  const client = new ClientV2({ name: 'test', version: '1' }, { versionNegotiation });
  await client.connect(new StreamableV2(new URL(url)));
  return {
    call: (params) => client.callTool(params, { timeout: TIMEOUT_MS }),
    capabilities: client.getServerCapabilities(),
    protocolVersion: client.getNegotiatedProtocolVersion(),
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    close: () => client.close(),
  };
}
