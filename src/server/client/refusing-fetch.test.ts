/** A busy server says when to come back, and is heard. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { connect } from './connection.ts';
import { refusingFetch, retryAfterMs } from './refusing-fetch.ts';
import { DEFAULT_RETRIES, retryDelay } from './retry.ts';

const NOW = Date.parse('Tue, 01 Dec 2026 00:00:00 GMT');

it.each([
  ['seconds', '7', 7000],
  ['a date to come', 'Tue, 01 Dec 2026 00:00:09 GMT', 9000],
  ['a date gone by', 'Mon, 30 Nov 2026 00:00:00 GMT', 0],
  ['nothing', null, undefined],
  ['less than nothing', '-5', undefined],
  ['no number and no date', 'soon', undefined],
])('reads %s', (_what, header, expected) => {
  expect(retryAfterMs(header, NOW)).toBe(expected);
});

it('lets all other answers pass', async () => {
  for (const status of [200, 401, 404, 500]) {
    const answer = refusingFetch(() => Promise.resolve(new Response('', { status })));
    expect((await answer('http://localhost/')).status).toBe(status);
  }
});

it.each([
  [429, 'ERROR_RATE_LIMITED'],
  [503, 'ERROR_REMOTE'],
])('waits as long as the server of a real connection asks with %i', async (status, code) => {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'Retry-After': '3' }).end('not now');
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  try {
    const { port } = server.address() as AddressInfo;
    const error: unknown = await connect({
      kind: 'http',
      url: new URL(`http://127.0.0.1:${port}/mcp`),
    }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code, retryAfterMs: 3000 });
    expect(retryDelay(error, 1, DEFAULT_RETRIES, 0)).toBe(3000);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
