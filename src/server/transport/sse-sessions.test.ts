import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { MAX_UNREAD_BYTES, SseTransport } from './sse-sessions.ts';

it('a stream that nobody reads is cut off before it fills memory', async () => {
  let opened: (transport: SseTransport) => void;
  const transportOpened = new Promise<SseTransport>((resolve) => (opened = resolve));
  const server = createServer((_, response) => {
    const transport = new SseTransport('/messages', response);
    void transport.start().then(() => opened(transport));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const request = get({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.on('error', () => undefined).pause();
    const transport = await transportOpened;
    const closed = new Promise<void>((resolve) => (transport.onclose = resolve));
    const result = { text: 'x'.repeat(MAX_UNREAD_BYTES / 16) };
    // The system's socket buffers hold some megabytes more.
    for (let i = 0; i < 24; i++) await transport.send({ jsonrpc: '2.0', id: `${i}`, result });
    await expect(closed).resolves.toBeUndefined();
  } finally {
    request.destroy();
    server.close();
  }
});
