/** Two front ends that listen, and one worker: what was begun at one goes on at the other, and what one has refused, the other refuses. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SILENT_LOG } from '../../hosting/log.ts';
import { ServerIdentity } from '../../hosting/server-identity.ts';
import { SIGNATURE_META } from '../../protocol/extension.ts';
import { sha256Of } from '../../protocol/identifiers.ts';
import { signRequest } from '../../protocol/signing.ts';
import { postgresMissing, PostgresServer } from '../../storage/testing/postgres-server.ts';
import type { Connection } from '../../testing/mcp-clients.ts';
import { connectClient } from '../../testing/mcp-clients.ts';
import { ProtocolClient } from '../../testing/protocol-client.ts';
import { makeSessionPlans } from '../../testing/session-plans.ts';
import type { TaskClient } from '../../testing/task-clients.ts';
import { taskClient } from '../../testing/task-clients.ts';
import type { ServerConfiguration } from '../configuration.ts';
import { DEFAULT_LIMITS } from '../configuration.ts';
import { InferenceServer } from '../inference-server.ts';
import { ClusterWorker } from './cluster-worker.ts';
import { openFrontParts } from './front-parts.ts';

const REVISIONS = ['2025-11-25', '2026-07-28'] as const;
const CHUNKS = 4;
const BURST = 60;

const missing = postgresMissing();

describe.skipIf(missing !== null)('two front ends', () => {
  const world = new AsyncDisposableStack();
  let keys: Uint8Array;
  let input: Uint8Array;
  /** SHA-256 of what an evaluation in this process gives. */
  let expected: string;
  let urls: readonly string[];
  let worker: ClusterWorker;

  beforeAll(async () => {
    const made = world.use(await makeSessionPlans(1));
    const { model } = made;
    const [plan] = made.plans;
    ({ keys, input, expected } = plan!);
    const folder = await mkdtemp(join(tmpdir(), 'he-compile-fronts-'));
    world.defer(() => rm(folder, { recursive: true, force: true }));
    const postgres = world.use(await PostgresServer.start());
    const addresses = { database: postgres.address, blobs: 'postgres' };
    const identity = await ServerIdentity.open(folder);
    const limits = { ...DEFAULT_LIMITS, requestsPerSecond: 0.5, requestBurst: BURST, evaluationsAtOnce: 1 };
    const configuration: ServerConfiguration = {
      ...{ stateFolder: folder, limits, threads: 1 },
      enrolment: { open: true, unsigned: false, authorities: [] },
    };
    const listening: string[] = [];
    for (let i = 0; i < 2; i++) {
      const parts = await openFrontParts([model.file], addresses, identity, configuration, SILENT_LOG);
      const server = world.use(await InferenceServer.of(parts, '0.0.0-test'));
      const { url } = await server.listenHttp({
        address: { host: '127.0.0.1', port: 0 },
        ...{ tls: null, sse: false, allowedHosts: [], allowedOrigins: [], requireBearer: false },
      });
      listening.push(url);
    }
    urls = listening;
    const settings = { limits, threads: 1, cacheFolder: join(folder, 'cache'), cacheBytes: 2 ** 28 };
    worker = world.use(await ClusterWorker.open(addresses, settings, SILENT_LOG));
  });
  afterAll(() => world.disposeAsync());

  /** One client of both. */
  async function connected(name: string): Promise<{
    readonly client: ProtocolClient;
    readonly at: (front: number) => ProtocolClient;
  }> {
    const connections: Connection[] = [];
    for (const url of urls) connections.push(await connectClient('v2, 2026-07-28', { kind: 'http', url }));
    world.defer(async () => {
      for (const { close } of connections) await close();
    });
    const client = new ProtocolClient(name, connections[0]!.call, connections[0]!.capabilities);
    return {
      client,
      at(front) {
        client.reconnect(connections[front]!.call);
        return client;
      },
    };
  }

  async function provided(name: string): ReturnType<typeof connected> {
    const both = await connected(name);
    expect(await both.at(0).enrol()).toMatchObject({ ok: true });
    await both.at(1).provision(keys);
    return both;
  }

  it('share every step of a session, whose result is that of one process, bit for bit', async () => {
    const { at } = await connected('steps');
    expect(await at(0).enrol()).toMatchObject({ ok: true });
    const file = { file_name: 'evaluation.keys', bytes: keys.length, sha256: sha256Of(keys) };
    const { key_ref } = await at(1).callAs('begin_key_provisioning', { files: [file] });
    const send = async (tool: string, target: object, name: string, bytes: Uint8Array): Promise<void> => {
      const size = Math.ceil(bytes.length / CHUNKS);
      for (let chunk_index = 0; chunk_index < CHUNKS; chunk_index++) {
        const chunk = bytes.subarray(chunk_index * size, (chunk_index + 1) * size);
        const chunk_b64 = Buffer.from(chunk).toString('base64');
        const args = { ...target, file_name: name, chunk_index, total_chunks: CHUNKS, chunk_b64 };
        expect(await at(chunk_index % 2).callAs(tool, args)).toMatchObject({ ok: true });
      }
    };
    await send('upload_evaluation_key_chunk', { key_ref }, file.file_name, keys);
    expect(await at(0).callAs('get_key_status', { key_ref })).toMatchObject({ state: 'provisioning' });
    expect(await at(1).callAs('commit_evaluation_keys', { key_ref })).toMatchObject({ state: 'active' });
    const session = { session_id: 's' };
    await send('upload_ciphertext_chunk', session, 'input.hect', input);
    expect(await at(0).callAs('remote_inference_cnn', { ...session, async: true })).toMatchObject({
      ok: true,
    });
    const done = { ok: true, status: 'done', encrypted_logit_sha256: expected };
    expect(await at(1).callAs('remote_inference_cnn', session)).toMatchObject(done);
    const { chunk_b64 } = await at(0).callAs('get_inference_result', session);
    expect(sha256Of(Buffer.from(chunk_b64 as string, 'base64'))).toBe(expected);
  });

  it('refuse what either has seen before', async () => {
    const { client } = await provided('replay');
    const tool = 'get_key_status';
    const args = { client_id: 'replay', auth_token: client.token };
    const signature = signRequest({ tool, arguments: args }, client.privateKey, client.audience);
    const codes: unknown[] = [];
    for (const url of [urls[0]!, urls[1]!, urls[0]!]) {
      const { call, close } = await connectClient('v2, 2026-07-28', { kind: 'http', url });
      const answer = await call({ name: tool, arguments: args, _meta: { [SIGNATURE_META]: signature } });
      codes.push((answer.structuredContent as { error_code?: string }).error_code ?? null);
      await close();
    }
    expect(codes).toEqual([null, 'ERROR_REPLAYED', 'ERROR_REPLAYED']);
  });

  it('count the calls of a client together', async () => {
    const { at } = await connected('often');
    expect(await at(0).enrol()).toMatchObject({ ok: true });
    let answered = 0;
    for (let i = 0; i < 2 * BURST; i++) {
      const { error_code } = await at(i % 2).callAs('get_key_status');
      if (error_code === 'ERROR_RATE_LIMITED') break;
      answered++;
    }
    expect(answered).toBeGreaterThan(BURST / 2);
    // What flows in meanwhile is little.
    expect(answered).toBeLessThan(1.5 * BURST);
  });

  it('know both of what is revoked at one, and the worker lets go of it', async () => {
    const { at } = await provided('revoked');
    await at(0).upload('s', input);
    expect(worker.pool.warm.some((affinity) => affinity.startsWith('revoked '))).toBe(true);
    const { key_ref } = await at(0).callAs('get_key_status');
    expect(await at(0).callAs('revoke_evaluation_keys', { key_ref })).toMatchObject({ ok: true });
    expect(await at(1).callAs('remote_inference_cnn', { session_id: 's', key_ref })).toMatchObject({
      error_code: 'ERROR_KEY_REVOKED',
    });
    await expect
      .poll(() => worker.pool.warm.some((affinity) => affinity.startsWith('revoked ')), { timeout: 10_000 })
      .toBe(false);
  });

  describe.each(REVISIONS)('tasks of revision %s', (revision) => {
    async function begun(name: string): Promise<{
      readonly taskId: string;
      readonly other: TaskClient;
      readonly signed: (tool: string, args: Record<string, unknown>) => Record<string, unknown>;
    }> {
      const { client, at } = await provided(name);
      await at(1).upload('s', input);
      // Loading them anew takes long enough to see it.
      await worker.pool.drop();
      const signed = (tool: string, args: Record<string, unknown>): Record<string, unknown> => ({
        [SIGNATURE_META]: signRequest({ tool, arguments: args }, client.privateKey, client.audience),
      });
      const one = await taskClient(revision, urls[0]!, client.token);
      const other = await taskClient(revision, urls[1]!, client.token);
      world.defer(async () => {
        await one.close();
        await other.close();
      });
      const args = { client_id: name, session_id: 's' };
      const { taskId } = await one.begin('remote_inference_cnn', args, {
        meta: signed('remote_inference_cnn', args),
      });
      return { taskId, other, signed };
    }

    it('are polled and have their result at the other', async () => {
      const { taskId, other, signed } = await begun(`poll-${revision}`);
      const status = async (): Promise<string> =>
        (await other.get(taskId, signed('tasks/get', { taskId }))).status;
      expect(['working', 'completed']).toContain(await status());
      await expect.poll(status, { timeout: 30_000 }).toBe('completed');
      const method = revision === '2025-11-25' ? 'tasks/result' : 'tasks/get';
      const { structuredContent } = await other.result(taskId, signed(method, { taskId }));
      expect(structuredContent).toMatchObject({ ok: true, status: 'done', encrypted_logit_sha256: expected });
    });

    it('are cancelled at the other', async () => {
      const { taskId, other, signed } = await begun(`cancel-${revision}`);
      await other.cancel(taskId, signed('tasks/cancel', { taskId }));
      await expect
        .poll(async () => (await other.get(taskId, signed('tasks/get', { taskId }))).status, {
          timeout: 30_000,
        })
        .toBe('cancelled');
    });
  });
});
