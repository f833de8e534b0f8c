import { Client, SSEClientTransport, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { drive } from './driver.mjs';

await drive(async ({ transport, command, args, env, url, headers, tool, arguments: given }) => {
  const client = new Client({ name: 'sdk-v2', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  const options = { requestInit: { headers } };
  await client.connect(
    transport === 'stdio'
      ? new StdioClientTransport({ command, args, env, stderr: 'ignore' })
      : transport === 'sse'
        ? new SSEClientTransport(new URL(url), options)
        : new StreamableHTTPClientTransport(new URL(url), options),
  );
  const { tools } = await client.listTools();
  const { structuredContent } = await client.callTool({ name: tool, arguments: given });
  await client.close();
  return { tools: tools.map(({ name }) => name), answer: structuredContent };
});
