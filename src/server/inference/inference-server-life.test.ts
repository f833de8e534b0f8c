/** A server from its start to its stop: what it puts together, sweeps out and takes down. Nothing is evaluated. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EmbeddedQueue } from '../storage/embedded-queue.ts';
import { SqliteMetadataStore } from '../storage/sqlite-metadata-store.ts';
import type { CallContext } from '../protocol/tool.ts';
import { codeOf, keyFile, wholeChunk } from '../testing/evaluation-world.ts';
import { HTTP_SETTINGS, type IdleServers, idleServers } from '../testing/idle-servers.ts';
import { DEFAULT_LIMITS } from './configuration.ts';
import { EvaluatorPool, type Lease } from './evaluation/evaluator-pool.ts';
import type { InferenceServer } from './inference-server.ts';
import type { InferenceServices } from './services.ts';
import type { InferenceRequest } from './sessions.ts';
import { JobWorker } from './work/job-worker.ts';

const QUIET = new AbortController().signal;

let servers: IdleServers;
beforeEach(async () => {
  servers = await idleServers();
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await servers[Symbol.asyncDispose]();
});

/** Keys that are taken as they are: no process loads them. */
async function provide({ keys, catalog }: InferenceServices, clientId: string): Promise<void> {
  const lease = { process: {}, [Symbol.dispose]: () => undefined } as Lease;
  vi.spyOn(EvaluatorPool.prototype, 'acquire').mockResolvedValue(lease);
  const { record } = await keys.begin(clientId, catalog.get('small'), [keyFile('k')]);
  await keys.accept(clientId, record.keyRef, wholeChunk('keys.hekeys', 'k'));
  await keys.commit(clientId, record.keyRef, () => undefined, QUIET);
}

/** An input is there. */
async function request(
  { sessions }: InferenceServices,
  clientId: string,
  sessionId: string,
): Promise<InferenceRequest> {
  await sessions.accept(clientId, sessionId, wholeChunk('x.hect', 'x'));
  return { sessionId, model: undefined, keyRef: undefined, ompThreads: undefined, parameters: {} };
}

describe('a start', () => {
  it('makes the state folder, for its owner only, and serves nobody yet', async () => {
    const server = await servers.start();
    expect((await stat(servers.stateFolder)).mode & 0o777).toBe(0o700);
    expect({ clients: await server.clients(), url: server.httpUrl }).toEqual({ clients: 0, url: null });
    expect(servers.logged).toEqual([{ level: 'info', event: 'started', fields: { count: 0 } }]);
  });

  it('takes up what was left, under the same key, as the only one on its folder', async () => {
    const first = await servers.start();
    await expect(servers.start()).rejects.toMatchObject({ code: 'STATE_IN_USE' });
    await first[Symbol.asyncDispose]();
    {
      await using store = await SqliteMetadataStore.open(join(servers.stateFolder, 'server.db'));
      await store.putSession({
        ...{ clientId: 'c', sessionId: 's', state: 'queued', model: 'small', keyRef: 'hekey:gone' },
        ...{ ompThreads: null, createdAt: 0, expiresAt: Date.now() + 60_000, queuedAt: 1, outcome: null },
      });
    }
    servers.logged.length = 0;
    const second = await servers.start();
    expect(servers.logged).toEqual([{ level: 'info', event: 'started', fields: { count: 1 } }]);
    expect((await second.services.sessions.get('c', 's')).state).toBe('failed');
    expect(second.settings().serverKey).toBe(first.settings().serverKey);
  });

  it('declares limits, models and key', async () => {
    const server = await servers.start({
      ...{ maxChunkBytes: 5, sessionsPerClient: 6, sessionBytesPerClient: 7 },
    });
    const { identity, catalog } = server.services;
    expect(server.settings()).toEqual({
      draft: 'draft-li-pearg-ciphertext-inference-tool-mcp-00',
      maxChunkBytes: 5,
      sessionQuota: { sessions: 6, bytes: 7 },
      schemes: ['CKKS'],
      parameterSets: [catalog.all[0]!.algorithmId],
      integrity: ['Ed25519'],
      keyTransport: ['chunks'],
      serverKey: identity.publicKey,
    });
  });

  it('gives queue and limiter their limits', async () => {
    const { services } = await servers.start({
      ...{ evaluationsAtOnce: 0, queueCapacity: 3, queueCapacityPerClient: 2 },
      ...{ requestsPerSecond: 1, requestBurst: 1 },
    });
    const orders = async (clientId: string): Promise<string[]> => {
      await provide(services, clientId);
      const codes: string[] = [];
      for (const sessionId of ['a', 'b', 'c']) {
        const order = await request(services, clientId, sessionId);
        codes.push(await codeOf(() => services.sessions.order(clientId, order)));
      }
      return codes;
    };
    expect(await orders('first')).toEqual(['none', 'none', 'ERROR_BUSY']);
    expect(await orders('second')).toEqual(['none', 'ERROR_BUSY', 'ERROR_BUSY']);
    const call = {
      bearer: null,
      received: { tool: 'list_models', arguments: {} },
      origin: 'n',
    } as CallContext;
    await services.authentication.admit(call);
    expect(await codeOf(() => services.authentication.admit(call))).toBe('ERROR_RATE_LIMITED');
  });
});

describe('what has expired', () => {
  it('is removed, and nothing else', async () => {
    const server = await servers.start();
    const { keys, sessions, catalog } = server.services;
    const { sessionLifetimeMs, keyLifetimeMs } = DEFAULT_LIMITS;
    const { record } = await keys.begin('c', catalog.get('small'), [keyFile('k')]);
    await request(server.services, 'c', 's');
    const now = Date.now();
    await server.sweep();
    await server.sweep(now - 10_000 + sessionLifetimeMs);
    expect((await sessions.get('c', 's')).state).toBe('staging');
    await server.sweep(now + 10_000 + sessionLifetimeMs);
    expect(await codeOf(() => sessions.get('c', 's'))).toBe('ERROR_UNKNOWN_SESSION');
    expect((await keys.get('c', record.keyRef)).state).toBe('provisioning');
    await server.sweep(now + 10_000 + keyLifetimeMs);
    expect(await codeOf(() => keys.get('c', record.keyRef))).toBe('ERROR_UNKNOWN_KEY');
  });

  it('is looked for every minute until the server stops, whatever goes wrong', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const server = await servers.start();
    const sweep = vi.spyOn(server, 'sweep').mockRejectedValue(new Error('disk full'));
    servers.logged.length = 0;
    vi.advanceTimersByTime(59_999);
    expect(sweep).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(sweep).toHaveBeenCalledOnce();
    await new Promise(setImmediate);
    const fields = { detail: 'disk full' };
    expect(servers.logged).toEqual([{ level: 'warn', event: 'transport', fields }]);
    await server[Symbol.asyncDispose]();
    vi.advanceTimersByTime(120_000);
    expect(sweep).toHaveBeenCalledOnce();
  });
});

describe('a stop', () => {
  const health = (server: InferenceServer): Promise<Response> => fetch(new URL('/healthz', server.httpUrl!));

  it('says that it is one while what runs gets its time, and answers until then', async () => {
    const server = await servers.start({ shutdownGraceMs: 4321 });
    await server.listenHttp(HTTP_SETTINGS);
    let ended: () => void = () => undefined;
    const running = new Promise<void>((resolve) => (ended = resolve));
    const close = vi.spyOn(EmbeddedQueue.prototype, 'close');
    const drain = vi.spyOn(JobWorker.prototype, 'drain').mockReturnValue(running);
    const pool = vi.spyOn(server.pool, Symbol.asyncDispose);
    const stopped = server[Symbol.asyncDispose]();
    const answer = await health(server);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ status: 'stopping', models: 1 });
    expect(close).toHaveBeenCalledOnce();
    expect(drain).toHaveBeenCalledExactlyOnceWith(4321);
    expect(pool).not.toHaveBeenCalled();
    ended();
    await stopped;
    expect(pool).toHaveBeenCalledOnce();
    await expect(health(server)).rejects.toThrow('fetch failed');
  });

  it('happens once, and closes the database', async () => {
    const server = await servers.start();
    servers.logged.length = 0;
    await server[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    expect(servers.logged).toEqual([{ level: 'info', event: 'stopped', fields: undefined }]);
    await expect(server.clients()).rejects.toThrow();
  });

  it('leaves what is queued to the next start', async () => {
    const server = await servers.start({ evaluationsAtOnce: 0 });
    const { services } = server;
    await provide(services, 'c');
    const record = await services.sessions.order('c', await request(services, 'c', 's'));
    const waiting = services.sessions.wait(record, () => undefined, QUIET);
    await server[Symbol.asyncDispose]();
    expect((await waiting).state).toBe('queued');
    servers.logged.length = 0;
    const next = await servers.start({ evaluationsAtOnce: 0 });
    expect(servers.logged).toEqual([{ level: 'info', event: 'started', fields: { count: 1 } }]);
    expect((await next.services.sessions.status('c', 's')).stand).toEqual({
      ...{ position: { ahead: 0, running: false }, progress: null },
    });
  });
});
