/** A connection whose calls carry a token shows it at the door from then on. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { HTTP_SETTINGS, type IdleServers, idleServers } from '../testing/idle-servers.ts';
import { connect } from './connection.ts';

let servers: IdleServers;
beforeEach(async () => {
  servers = await idleServers();
});
afterEach(() => servers[Symbol.asyncDispose]());

it('shows in the header what its calls carry, with the call that carries it already', async () => {
  const { url } = await (await servers.start()).listenHttp(HTTP_SETTINGS);
  const seen: (string | null)[] = [];
  const watching: typeof fetch = (input, init) => {
    seen.push(new Headers(init?.headers).get('authorization'));
    return fetch(input, init);
  };
  const address = { kind: 'http' as const, url: new URL(url) };
  await using connection = await connect(address, { fetch: watching, bearers: () => [] });
  expect(new Set(seen)).toEqual(new Set([null]));
  seen.length = 0;
  await connection.call('get_session_status', { client_id: 'c', session_id: 's' }, {}, {});
  expect(seen).toEqual([null]);
  seen.length = 0;
  await connection.call(
    'get_session_status',
    { client_id: 'c', session_id: 's', auth_token: 'token' },
    {},
    {},
  );
  // This one nobody has: the door sends it away, and who may have none at all is heard.
  expect(seen).toEqual(['Bearer token', null]);
});
