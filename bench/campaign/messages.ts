/** MCP messages as JSON, of either revision. */
import type { HostileRequest } from './hostile-request.ts';

const REVISION = '2026-07-28';
const META = {
  'io.modelcontextprotocol/protocolVersion': REVISION,
  'io.modelcontextprotocol/clientInfo': { name: 'campaign', version: '0' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

type Json = Readonly<Record<string, unknown>>;

export const INITIALIZE = JSON.stringify({
  ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'campaign', version: '0' },
  },
});

/** A request of the stateless revision. */
export function modern(method: string, params: Json, name?: string): HostileRequest {
  const { _meta, ...others } = params as { _meta?: object };
  return {
    headers: {
      'Mcp-Protocol-Version': REVISION,
      'Mcp-Method': method,
      ...(name === undefined ? {} : { 'Mcp-Name': name }),
    },
    body: JSON.stringify({
      ...{ jsonrpc: '2.0', id: 1, method },
      params: { ...others, _meta: { ...META, ..._meta } },
    }),
  };
}

export function toolCall(name: string, args: Json, meta: Json = {}): HostileRequest {
  return modern('tools/call', { name, arguments: args, _meta: meta }, name);
}
