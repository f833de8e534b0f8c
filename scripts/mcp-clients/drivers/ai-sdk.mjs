import { createMCPClient } from '@ai-sdk/mcp';
import { Experimental_StdioMCPTransport as StdioTransport } from '@ai-sdk/mcp/mcp-stdio';
import { drive } from './driver.mjs';

await drive(async ({ transport, command, args, env, url, headers, tool, arguments: given }) => {
  const client = await createMCPClient({
    transport:
      transport === 'stdio'
        ? new StdioTransport({ command, args, env, stderr: 'ignore' })
        : { type: transport, url, headers },
  });
  const tools = await client.tools();
  // As a model's tool call is carried out.
  const { structuredContent, content } = await tools[tool].execute(given, { toolCallId: '1', messages: [] });
  await client.close();
  return { tools: Object.keys(tools), answer: structuredContent ?? content[0].text };
});
