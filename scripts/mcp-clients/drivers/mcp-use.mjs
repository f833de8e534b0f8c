import { MCPClient } from 'mcp-use/client';
import { drive } from './driver.mjs';

await drive(async ({ transport, command, args, env, url, headers, tool, arguments: given }) => {
  const local =
    transport === 'stdio' ? { command, args, env } : { url, headers, preferSse: transport === 'sse' };
  const client = MCPClient.fromDict({ mcpServers: { local } });
  const session = await client.createSession('local');
  const tools = await session.listTools();
  const { structuredContent } = await session.callTool(tool, given);
  await client.closeAllSessions();
  return { tools: tools.map(({ name }) => name), answer: structuredContent };
});
