import { MultiServerMCPClient } from '@langchain/mcp-adapters';
import { drive } from './driver.mjs';

await drive(async ({ transport, command, args, env, url, headers, tool, arguments: given }) => {
  const local =
    transport === 'stdio'
      ? { transport, command, args, env, stderr: 'ignore' }
      : { transport, url, headers, automaticSSEFallback: false };
  const client = new MultiServerMCPClient({ mcpServers: { local }, prefixToolNameWithServerName: false });
  const tools = await client.getTools();
  const result = await tools.find(({ name }) => name === tool).invoke(given);
  await client.close();
  // The text, alone or first of what the tool's content was mapped to.
  const [first] = [typeof result === 'string' ? result : (result.content ?? result)].flat();
  const answer = typeof first === 'string' ? first : first.text;
  return { tools: tools.map(({ name }) => name), answer };
});
