/** stdio: one client, the process that started this one. Nothing else may write to stdout. */
import type { McpRequestContext, Server } from '@modelcontextprotocol/server';
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';

export interface StdioListener {
  /** Resolves when the client has closed its end. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

export function listenStdio(
  factory: (context: McpRequestContext) => Server,
  maxMessageBytes: number,
  onError: (error: Error) => void,
): StdioListener {
  const transport = new StdioServerTransport(process.stdin, process.stdout, {
    maxBufferSize: maxMessageBytes,
  });
  const handle = serveStdio(factory, { transport, onerror: onError });
  const closed = new Promise<void>((resolve) => {
    process.stdin.once('end', resolve);
    process.stdin.once('close', resolve);
  });
  return { closed, close: () => handle.close() };
}
