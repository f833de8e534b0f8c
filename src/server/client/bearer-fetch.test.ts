/** When a client shows its token, and when it does not. */
import { expect, it } from 'vitest';
import { bearerFetch } from './bearer-fetch.ts';

const URL = 'http://localhost/mcp';

/** A server that answers with these statuses in turn, then 200; and the Authorization headers that it has seen. */
function server(statuses: readonly number[]) {
  const seen: (string | null)[] = [];
  const answer: typeof fetch = (_input, init) => {
    seen.push(new Headers(init?.headers).get('authorization'));
    return Promise.resolve(new Response('', { status: statuses[seen.length - 1] ?? 200 }));
  };
  return { seen, answer };
}

it('shows nothing to a server that does not ask', async () => {
  const { seen, answer } = server([]);
  const send = bearerFetch(answer, () => ['token']).fetch;
  expect([(await send(URL)).status, (await send(URL)).status]).toEqual([200, 200]);
  expect(seen).toEqual([null, null]);
});

it('shows its token at a door where strangers have asked too much, and from then on', async () => {
  const { seen, answer } = server([429]);
  const send = bearerFetch(answer, () => ['token', 'code']).fetch;
  expect([(await send(URL)).status, (await send(URL)).status]).toEqual([200, 200]);
  expect(seen).toEqual([null, 'Bearer token', 'Bearer token']);
});

it('waits where it has asked too much itself', async () => {
  const { seen, answer } = server([401, 200, 429]);
  const send = bearerFetch(answer, () => ['token', 'code']).fetch;
  expect([(await send(URL)).status, (await send(URL)).status]).toEqual([200, 429]);
  expect(seen).toEqual([null, 'Bearer token', 'Bearer token']);
});

it('waits where it has nothing to show', async () => {
  const { seen, answer } = server([429]);
  expect((await bearerFetch(answer, () => []).fetch(URL)).status).toBe(429);
  expect(seen).toEqual([null]);
});

it('shows what calls carry, and nothing any more if that is no good', async () => {
  const { seen, answer } = server([200, 200, 401]);
  const { fetch: send, show } = bearerFetch(answer, () => ['old']);
  await send(URL);
  show('old');
  await send(URL);
  expect((await send(URL)).status).toBe(200);
  expect(seen).toEqual([null, 'Bearer old', 'Bearer old', null]);
});
