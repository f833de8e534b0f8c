/** Evaluations as tasks of both revisions, over Streamable HTTP; evaluation processes do what the test says. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ToolError } from '../protocol/error-codes.ts';
import type { EvaluationWorld } from '../testing/evaluation-world.ts';
import { evaluationWorld, wholeChunk } from '../testing/evaluation-world.ts';
import type { ToolResult } from '../testing/protocol-client.ts';
import type { TaskClient, TaskRevision } from '../testing/task-clients.ts';
import { taskClient } from '../testing/task-clients.ts';
import type { HttpListener } from '../transport/http-listener.ts';
import { listenHttp } from '../transport/http-listener.ts';
import { toolServerFactory } from '../transport/tool-server.ts';
import { httpLimits } from '../hosting/http-limits.ts';
import { SessionTasks } from './session-tasks.ts';
import { REMOTE_TOOLS } from './tools/registry.ts';

const MINUTE = 60_000;
const INVALID_PARAMS = -32602;
const METHOD_NOT_FOUND = -32601;
const TOOL = 'remote_inference_cnn';

let world: EvaluationWorld;
let listener: HttpListener;
const tokens = new Map<string, string>();
const clients: TaskClient[] = [];

/** Evaluations wait for it, and tell on the way what they are at. */
let gate: { readonly promise: Promise<void>; readonly resolve: () => void };

/** What is durable, before anything is answered. */
let settled: () => Promise<void>;

beforeEach(async () => {
  world = await evaluationWorld({ requestsPerSecond: 1e6, requestBurst: 1e6, queueCapacityPerClient: 3 });
  settled = () => Promise.resolve();
  let resolve = (): void => undefined;
  const promise = new Promise<void>((open) => (resolve = open));
  gate = { promise, resolve };
  world.process.evaluate = (_order, progress, signal) => {
    const { instructions } = world.catalog.all[0]!.artifact.program;
    progress('evaluation', 0.5, instructions.at(-1)!.layer);
    return Promise.race([
      gate.promise,
      new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(new ToolError('ERROR_CANCELLED', 'cancelled')));
      }),
    ]);
  };
  listener = await listen();
  const stranger = await taskClient('2026-07-28', listener.url);
  for (const name of ['alice', 'bob']) {
    const { structuredContent } = await stranger.call('enrol_client', { client_id: name });
    tokens.set(name, (structuredContent as { auth_token: string }).auth_token);
    await world.provide(name, `keys of ${name}`);
  }
});
afterEach(async () => {
  vi.useRealTimers();
  for (const client of clients.splice(0)) await client.close();
  await listener.close();
  await world[Symbol.asyncDispose]();
});

function listen(): Promise<HttpListener> {
  const { services } = world;
  const host = {
    ...{ name: 'test', title: 'test', version: '0', instructions: '', settings: {}, origin: 'test' },
    ...{ tools: REMOTE_TOOLS, services, tasks: new SessionTasks(services, true) },
    sign: services.identity.sign.bind(services.identity),
    settled: () => settled(),
  };
  return listenHttp(toolServerFactory(host), {
    ...httpLimits(world.limits),
    ...{ address: { host: '127.0.0.1', port: 0 }, tls: null, sse: false, requireBearer: false, pages: {} },
    ...{ allowedHosts: [], allowedOrigins: [] },
    holderOf: (token) => services.authentication.holderOf(token),
    onError: () => undefined,
  });
}

async function as(name: string, revision: TaskRevision): Promise<TaskClient> {
  const client = await taskClient(revision, listener.url, tokens.get(name));
  clients.push(client);
  return client;
}

const order = (session_id: string, client_id = 'alice') => ({ client_id, session_id });

async function upload(session: string, client = 'alice'): Promise<void> {
  await world.sessions.accept(client, session, wholeChunk('input.hect', `input of ${session}`));
}

/** What does not change from one answer to the next. */
function lasting(result: ToolResult & { resultType?: string }): object {
  const { content, structuredContent, isError, resultType } = result;
  return { content, structuredContent, isError, resultType };
}

function layers(): number {
  return new Set(world.catalog.all[0]!.artifact.program.instructions.map(({ layer }) => layer)).size;
}

describe.each<TaskRevision>(['2025-11-25', '2026-07-28'])('a call that becomes a task, %s', (revision) => {
  it('tells its place in the queue, then its layer, and its answer is that of a call that waits', async () => {
    const alice = await as('alice', revision);
    const bob = await as('bob', revision);
    await upload('first', 'bob');
    await upload('second', 'bob');
    await upload('s');
    const first = await bob.begin(TOOL, order('first', 'bob'));
    await bob.begin(TOOL, order('second', 'bob'));
    const begun = await alice.begin(TOOL, order('s'));
    expect(begun).toMatchObject({ status: 'working', pollIntervalMs: 1000 });
    expect(Date.parse(begun.createdAt)).toBeLessThanOrEqual(Date.now());
    await vi.waitFor(async () =>
      expect(await bob.get(first.taskId)).toMatchObject({
        status: 'working',
        statusMessage: `layer ${layers()} of ${layers()}`,
      }),
    );
    expect(await alice.get(begun.taskId)).toMatchObject({
      taskId: begun.taskId,
      status: 'working',
      statusMessage: '1 evaluation ahead in the queue',
    });
    gate.resolve();
    const result = await alice.result(begun.taskId);
    expect(await alice.get(begun.taskId)).toMatchObject({ status: 'completed', createdAt: begun.createdAt });
    const waited = await alice.call(TOOL, order('s'));
    expect(waited.structuredContent).toMatchObject({ ok: true, status: 'done', session_id: 's' });
    expect(lasting(result)).toEqual(lasting(waited));
  });

  it('is answered, and everything about it, once what it relies on is durable, or else not at all', async () => {
    const alice = await as('alice', revision);
    await upload('s');
    await upload('t');
    const { taskId } = await alice.begin(TOOL, order('s'));
    const ways = [
      () => alice.call('get_session_status', order('s')),
      () => alice.begin(TOOL, order('t')),
      () => alice.get(taskId),
    ];
    for (const ask of ways) {
      let settle = (): void => undefined;
      const durable = new Promise<void>((resolve) => (settle = resolve));
      const asked = vi.fn(() => durable);
      settled = asked;
      let answered = false;
      const answer = ask().then(() => (answered = true));
      await vi.waitFor(() => expect(asked).toHaveBeenCalled());
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(answered).toBe(false);
      settle();
      await answer;
    }
    settled = () => Promise.reject(new ToolError('ERROR_STORAGE_FULL', 'no room'));
    const failed = await ways[0]!();
    expect(failed).toMatchObject({ isError: true, structuredContent: { error_code: 'ERROR_STORAGE_FULL' } });
    gate.resolve();
  });

  it('that fails has failed with the code of a call that waits', async () => {
    const alice = await as('alice', revision);
    world.process.evaluate = () => Promise.reject(new ToolError('ERROR_NOISE_OVERFLOW', 'too much noise'));
    for (const session of ['a', 'b']) await upload(session);
    const { taskId } = await alice.begin(TOOL, order('a'));
    const result = await alice.result(taskId);
    expect(result).toMatchObject({
      isError: true,
      structuredContent: { ok: false, error_code: 'ERROR_NOISE_OVERFLOW' },
    });
    expect(lasting(result)).toEqual(lasting(await alice.call(TOOL, order('b'))));
    expect(await alice.get(taskId)).toMatchObject({
      status: revision === '2025-11-25' ? 'failed' : 'completed',
      statusMessage: 'ERROR_NOISE_OVERFLOW: too much noise',
    });
  });

  it('that is refused has its code, and there is no task', async () => {
    const alice = await as('alice', revision);
    await expect(alice.begin(TOOL, order('unheard-of'))).rejects.toMatchObject({
      data: { error_code: 'ERROR_UNKNOWN_SESSION' },
    });
    for (const session of ['runs', 'a', 'b', 'c', 'd']) await upload(session);
    for (const session of ['runs', 'a', 'b', 'c']) await alice.begin(TOOL, order(session));
    await expect(alice.begin(TOOL, order('d'))).rejects.toMatchObject({
      data: { error_code: 'ERROR_BUSY', retryable: true },
      // Answered as ever where that may be, and 0 then.
      code: revision === '2025-11-25' ? -32603 : 0,
    });
  });

  it('is cancelled, and the evaluation with it', async () => {
    const alice = await as('alice', revision);
    for (const session of ['runs', 'waits']) await upload(session);
    const runs = await alice.begin(TOOL, order('runs'));
    const waits = await alice.begin(TOOL, order('waits'));
    await vi.waitFor(() => expect(world.leases.open).toBe(1));
    for (const { taskId } of [waits, runs]) {
      await alice.cancel(taskId);
      expect(await alice.get(taskId)).toMatchObject({ status: 'cancelled' });
    }
    expect(world.leases.open).toBe(0);
    expect((await world.sessions.get('alice', 'runs')).state).toBe('cancelled');
    // Begun anew it is another task, and the old one is not to be had any more.
    gate.resolve();
    const again = await alice.begin(TOOL, order('runs'));
    expect(again.taskId).not.toBe(runs.taskId);
    expect(await alice.result(again.taskId)).toMatchObject({ isError: false });
    await expect(alice.get(runs.taskId)).rejects.toMatchObject({ code: INVALID_PARAMS });
  });

  it('is not there for another client, nor under an id that was made up', async () => {
    const alice = await as('alice', revision);
    const bob = await as('bob', revision);
    await upload('s');
    const { taskId } = await alice.begin(TOOL, order('s'));
    const forged = [
      `${taskId.slice(0, -1)}${taskId.endsWith('A') ? 'B' : 'A'}`,
      'alice.s.1',
      '',
      'x'.repeat(5000),
    ];
    for (const asking of [
      () => bob.get(taskId),
      () => bob.cancel(taskId),
      () => bob.result(taskId),
      ...forged.map((id) => () => alice.get(id)),
    ]) {
      await expect(asking()).rejects.toMatchObject({ code: INVALID_PARAMS });
    }
    expect(await alice.get(taskId)).toMatchObject({ status: 'working' });
    gate.resolve();
  });

  it('is kept as long as its session, and then unknown', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const alice = await as('alice', revision);
    await upload('s');
    const { sessionLifetimeMs } = world.limits;
    const { taskId, ttlMs } = await alice.begin(TOOL, order('s'));
    expect(ttlMs).toBe(sessionLifetimeMs);
    gate.resolve();
    await alice.result(taskId);
    vi.setSystemTime(Date.now() + sessionLifetimeMs - 1);
    expect(await alice.get(taskId)).toMatchObject({ status: 'completed' });
    vi.setSystemTime(Date.now() + 1);
    await expect(alice.get(taskId)).rejects.toMatchObject({ code: INVALID_PARAMS });
  });

  it('does not become one for a client that does not know tasks: that waits, and its answer is as it ever was', async () => {
    const alice = await as('alice', revision);
    await upload('s');
    let answered = false;
    const waiting = alice.call(TOOL, order('s')).then((answer) => {
      answered = true;
      return answer;
    });
    await vi.waitFor(() => expect(world.leases.open).toBe(1));
    expect(answered).toBe(false);
    gate.resolve();
    const { resultType: _, ...answer } = (await waiting) as ToolResult & { resultType?: string };
    expect(Object.keys(answer).sort()).toEqual(['_meta', 'content', 'isError', 'structuredContent']);
    expect(answer.structuredContent).toMatchObject({ ok: true, status: 'done' });
  });
});

describe('of revision 2025-11-25', () => {
  it('tasks are declared, for tools whose calls take long', async () => {
    const alice = await as('alice', '2025-11-25');
    expect(alice.capabilities['tasks']).toEqual({ list: {}, cancel: {}, requests: { tools: { call: {} } } });
    const { tools } = (await alice.request('tools/list', {})) as {
      tools: { name: string; execution?: { taskSupport: string } }[];
    };
    const optional = tools.filter(({ execution }) => execution?.taskSupport === 'optional');
    expect(optional.map(({ name }) => name)).toEqual([TOOL, 'remote_inference']);
    await expect(alice.begin('get_session_status', order('s'))).rejects.toMatchObject({
      code: METHOD_NOT_FOUND,
    });
  });

  it.each([
    ['as long as asked for', 10 * MINUTE, 10 * MINUTE],
    ['a minute at least', 1, MINUTE],
    ['for whole milliseconds', 90_000.5, 90_000],
    ['no longer than a session', 1e15, 24 * 60 * MINUTE],
  ])('tasks are kept %s', async (_, asked, kept) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const alice = await as('alice', '2025-11-25');
    await upload('s');
    gate.resolve();
    const { taskId, ttlMs } = await alice.begin(TOOL, order('s'), { ttlMs: asked });
    expect(ttlMs).toBe(kept);
    await alice.result(taskId);
    vi.setSystemTime(Date.now() + kept);
    await expect(alice.get(taskId)).rejects.toMatchObject({ code: INVALID_PARAMS });
    expect((await world.store.expired(Date.now() + 1)).sessions).toHaveLength(1);
  });

  it('what has ended cannot be cancelled', async () => {
    const alice = await as('alice', '2025-11-25');
    await upload('s');
    gate.resolve();
    const { taskId } = await alice.begin(TOOL, order('s'));
    await alice.result(taskId);
    await expect(alice.cancel(taskId)).rejects.toMatchObject({ code: INVALID_PARAMS });
    expect(await alice.get(taskId)).toMatchObject({ status: 'completed' });
  });

  it('the SDK’s own stream follows a call from its task to its result', async () => {
    const client = new Client({ name: 'host', version: '1' });
    const requestInit = { headers: { Authorization: `Bearer ${tokens.get('alice')}` } };
    await client.connect(new StreamableHTTPClientTransport(new URL(listener.url), { requestInit }));
    await client.listTools();
    await upload('s');
    const heard: string[] = [];
    for await (const message of client.experimental.tasks.callToolStream({
      name: TOOL,
      arguments: order('s'),
    })) {
      heard.push(message.type);
      if (message.type === 'taskStatus') gate.resolve();
      if (message.type === 'result')
        expect(message.result.structuredContent).toMatchObject({ ok: true, status: 'done', session_id: 's' });
    }
    expect(heard.at(0)).toBe('taskCreated');
    expect(heard.at(-1)).toBe('result');
    expect(heard).toContain('taskStatus');
    await client.close();
  });

  it('a call that joins an evaluation does not change how long that is kept', async () => {
    const alice = await as('alice', '2025-11-25');
    await upload('s');
    const { taskId, ttlMs } = await alice.begin(TOOL, order('s'), { ttlMs: 10 * MINUTE });
    expect(await alice.begin(TOOL, order('s'), { ttlMs: MINUTE })).toMatchObject({ taskId, ttlMs });
    gate.resolve();
    await alice.result(taskId);
    expect(await alice.begin(TOOL, order('s'), { ttlMs: MINUTE })).toMatchObject({ taskId, ttlMs });
  });

  it('who waits for a result while the server stops is told so, and not that there is one', async () => {
    const alice = await as('alice', '2025-11-25');
    await upload('s');
    const { taskId } = await alice.begin(TOOL, order('s'));
    await vi.waitFor(() => expect(world.leases.open).toBe(1));
    const waiting = expect(alice.result(taskId)).rejects.toMatchObject({
      data: { error_code: 'ERROR_SHUTTING_DOWN', retryable: true },
    });
    await alice.get(taskId);
    await world.queue.close();
    await world.worker.drain(0);
    await waiting;
    expect(await alice.get(taskId)).toMatchObject({ status: 'working' });
  });

  it('a result names its task', async () => {
    const alice = await as('alice', '2025-11-25');
    await upload('s');
    gate.resolve();
    const { taskId } = await alice.begin(TOOL, order('s'));
    const result = await alice.result(taskId);
    expect(result._meta).toMatchObject({ 'io.modelcontextprotocol/related-task': { taskId } });
  });

  it('the list has one’s own tasks, in pages', async () => {
    const alice = await as('alice', '2025-11-25');
    await upload('mine');
    await upload('staged');
    await upload('theirs', 'bob');
    const bob = await as('bob', '2025-11-25');
    const theirs = await bob.begin(TOOL, order('theirs', 'bob'));
    gate.resolve();
    const { taskId } = await alice.begin(TOOL, order('mine'));
    await alice.result(taskId);
    const record = await world.sessions.get('alice', 'mine');
    for (let i = 0; i < 250; i++)
      await world.store.putSession({
        ...record,
        sessionId: `s-${i}`,
        queuedAt: record.queuedAt! + 1 + i,
      });
    const pages: string[][] = [];
    let cursor: string | undefined;
    const sealing = vi.spyOn(world.services.identity, 'seal');
    do {
      sealing.mockClear();
      const page = await alice.request('tasks/list', cursor === undefined ? {} : { cursor });
      pages.push((page['tasks'] as { taskId: string }[]).map((task) => task.taskId));
      cursor = page['nextCursor'] as string | undefined;
      // What is not on the page costs nothing.
      expect(sealing.mock.calls.length).toBeLessThanOrEqual(pages.at(-1)!.length + 1);
      // The last one may be gone when the next page is asked for.
      if (pages.length === 1) await world.store.deleteSession('alice', 's-98');
    } while (cursor !== undefined);
    expect(pages.map(({ length }) => length)).toEqual([100, 100, 51]);
    expect(pages[0]![0]).toBe(taskId);
    expect(pages[0]![99]).toContain('.s-98.');
    expect(new Set(pages.flat()).size).toBe(251);
    expect(pages.flat()).not.toContain(theirs.taskId);
    await expect(alice.request('tasks/list', { cursor: theirs.taskId })).rejects.toMatchObject({
      code: INVALID_PARAMS,
    });
  });

  it('who shows no token has no list', async () => {
    const stranger = await taskClient('2025-11-25', listener.url);
    clients.push(stranger);
    await expect(stranger.request('tasks/list', {})).rejects.toMatchObject({
      data: { error_code: 'ERROR_UNAUTHORIZED' },
    });
  });
});

describe('of revision 2026-07-28', () => {
  it('requests about tasks are refused to who does not say that it knows them', async () => {
    const body = (method: string) => ({
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
        'MCP-Protocol-Version': '2026-07-28',
        'Mcp-Method': method,
        'Mcp-Name': 'x',
      },
      body: JSON.stringify({
        ...{ jsonrpc: '2.0', id: 1, method },
        params: {
          taskId: 'x',
          inputResponses: {},
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      }),
    });
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      const answer = await (await fetch(listener.url, body(method))).text();
      expect(answer).toContain('"code":-32021');
      expect(answer).toContain('{"extensions":{"io.modelcontextprotocol/tasks":{}}}');
    }
  });

  it('the methods of the revision before are gone, and the extension is declared', async () => {
    const alice = await as('alice', '2026-07-28');
    for (const method of ['tasks/result', 'tasks/list'])
      await expect(alice.request(method, { taskId: 'x' })).rejects.toMatchObject({ code: METHOD_NOT_FOUND });
    const { capabilities } = await alice.request('server/discover', {});
    expect(capabilities).toMatchObject({ extensions: { 'io.modelcontextprotocol/tasks': {} } });
    expect(capabilities).not.toHaveProperty('tasks');
  });

  it('cancelling what has ended and updating what asks nothing are acknowledged', async () => {
    const alice = await as('alice', '2026-07-28');
    await upload('s');
    gate.resolve();
    const { taskId } = await alice.begin(TOOL, order('s'));
    await alice.result(taskId);
    for (const method of ['tasks/cancel', 'tasks/update']) {
      const answer = await alice.request(method, { taskId, inputResponses: { unasked: {} } });
      expect(answer).toMatchObject({ resultType: 'complete' });
      expect(answer).not.toHaveProperty('taskId');
    }
    expect(await alice.get(taskId)).toMatchObject({ status: 'completed', result: { isError: false } });
  });
});
