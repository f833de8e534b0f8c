import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boundedFetch } from './bounded-fetch.ts';

let server: Server;
let origin: string;
beforeAll(async () => {
  server = createServer((request, response) => {
    const size = Number(request.url?.slice(1));
    if (size === 0) return response.writeHead(202).end();
    // In pieces, so that no length is declared.
    response.writeHead(201, { 'x-mark': 'kept' });
    for (let sent = 0; sent < size; sent += 1000)
      response.write(Buffer.alloc(Math.min(1000, size - sent), 1));
    return response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe('boundedFetch', () => {
  const bounded = boundedFetch(fetch, { bytes: 5000, json: { nodes: 100, depth: 5 } });

  it('passes answers up to the bound as they are', async () => {
    const response = await bounded(`${origin}/5000`);
    expect([response.status, response.headers.get('x-mark'), response.url]).toEqual([
      201,
      'kept',
      `${origin}/5000`,
    ]);
    expect((await response.arrayBuffer()).byteLength).toBe(5000);
    expect((await bounded(`${origin}/0`)).status).toBe(202);
  });

  it('ends answers beyond it', async () => {
    const response = await bounded(`${origin}/5001`);
    await expect(response.arrayBuffer()).rejects.toThrow();
  });

  it('ends answers that hold more than answers do; of a stream, each event by itself', async () => {
    const answer = (type: string, ...pieces: string[]): Promise<string> => {
      const body = new Blob(pieces).stream();
      const inner = (): Promise<Response> =>
        Promise.resolve(new Response(body, { headers: { 'content-type': type } }));
      return boundedFetch(inner as typeof fetch, { bytes: 5000, json: { nodes: 100, depth: 5 } })('x')
        .then((response) => response.text())
        .catch((error: unknown) => (error as Error).message);
    };
    const list = (entries: number): string => `[${'0,'.repeat(entries - 1)}0]`;
    expect(await answer('application/json', list(99))).toBe(list(99));
    expect(await answer('application/json', list(50), '\n', list(51))).toBe(
      'an answer beyond its bounds: too many values',
    );
    expect(await answer('application/json', '[[[[[[')).toBe('an answer beyond its bounds: nested too deeply');
    const events = `data: ${list(90)}\n\n`.repeat(5);
    expect(await answer('text/event-stream', events)).toBe(events);
    expect(await answer('text/event-stream', events, `data: ${list(101)}`)).toBe(
      'an answer beyond its bounds: too many values',
    );
    // Also of one that is over when it arrives.
    expect(await answer('text/event-stream', `data: ${list(101)}\n\n${events}`)).toBe(
      'an answer beyond its bounds: too many values',
    );
  });
});
