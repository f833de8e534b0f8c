import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { drive } from './driver.mjs';

await drive(async ({ transport, command, args, env, url, headers, tool, arguments: given, timeoutMs }) => {
  const client = new Client({ name: 'sdk-v1', version: '1' });
  const options = { requestInit: { headers } };
  await client.connect(
    transport === 'stdio'
      ? new StdioClientTransport({ command, args, env, stderr: 'ignore' })
      : transport === 'sse'
        ? new SSEClientTransport(new URL(url), options)
        : new StreamableHTTPClientTransport(new URL(url), options),
  );
  const { tools } = await client.listTools();
  // A host that gives up asks again.
  for (let attempts = 1; ; attempts++) {
    try {
      const result = await client.callTool({ name: tool, arguments: given }, undefined, {
        timeout: timeoutMs ?? 60_000,
      });
      const answer = { ...result.structuredContent, attempts };
      if (timeoutMs !== undefined) {
        const listed = await client.callTool({ name: 'fhe_list_keys', arguments: {} });
        answer.key_sets = listed.structuredContent.key_sets.length;
      }
      await client.close();
      return { tools: tools.map(({ name }) => name), answer };
    } catch (error) {
      if (timeoutMs === undefined || error.code !== -32001 || attempts === 100) throw error;
    }
  }
});
