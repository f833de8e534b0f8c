/** What keeps the remote server going: crashes of evaluation processes, restarts, many clients, and memory that is bounded. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SecretClient } from '../../runtime/client/secret-client.ts';
import { encodeCiphertextSet, parseCiphertextSet } from '../../runtime/formats/ciphertext-set.ts';
import { encodeEvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { SIGNATURE_META } from '../protocol/extension.ts';
import { signRequest } from '../protocol/signing.ts';
import type { Connection } from '../testing/mcp-clients.ts';
import { connectors } from '../testing/mcp-clients.ts';
import type { Answer } from '../testing/protocol-client.ts';
import { ProtocolClient } from '../testing/protocol-client.ts';
import type { TestModel } from '../testing/served-model.ts';
import { compileFixture, digit } from '../testing/served-model.ts';
import type { ServerLimits } from './configuration.ts';
import { DEFAULT_LIMITS } from './configuration.ts';
import { memoryNeed } from './evaluation/memory-need.ts';
import { affinityOf } from './key-sets.ts';
import type { TestServer } from '../testing/open-test-server.ts';
import { onCluster, openTestServer } from '../testing/open-test-server.ts';
import { SILENT_LOG } from '../hosting/log.ts';

let model: TestModel;
let secret: SecretClient;
let keys: Uint8Array;
let reference: Float64Array;

beforeAll(async () => {
  model = await compileFixture('digits-square');
  secret = await SecretClient.generate(model.artifact.signature);
  keys = encodeEvaluationKeys(await secret.makeEvaluationKeys());
});

afterAll(async () => {
  await secret[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
});

interface Running extends AsyncDisposable {
  readonly server: TestServer;
  readonly connection: Connection;
  readonly state: string;
}

async function start(limits: Partial<ServerLimits> = {}, state?: string): Promise<Running> {
  const stateFolder = state ?? (await mkdtemp(join(tmpdir(), 'he-compile-state-')));
  const server = await openTestServer(
    [model.file],
    {
      stateFolder,
      limits: { ...DEFAULT_LIMITS, requestsPerSecond: 1e6, requestBurst: 1e6, ...limits },
      enrolment: { open: true, unsigned: false, authorities: [] },
      threads: 2,
    },
    '0.0.0-test',
    SILENT_LOG,
  );
  const http = await server.listenHttp({
    address: { host: '127.0.0.1', port: 0 },
    tls: null,
    sse: false,
    allowedHosts: [],
    allowedOrigins: [],
    requireBearer: false,
  });
  const connection = await connectors['v2 over Streamable HTTP, 2026-07-28']!(http.url);
  return {
    server,
    connection,
    state: stateFolder,
    [Symbol.asyncDispose]: async () => {
      await connection.close();
      await server[Symbol.asyncDispose]();
      await rm(stateFolder, { recursive: true, force: true });
    },
  };
}

async function ready({ connection }: Running, name: string): Promise<ProtocolClient> {
  const client = new ProtocolClient(name, connection.call, connection.capabilities);
  await client.enrol();
  await client.provision(keys);
  return client;
}

async function uploadDigit(client: ProtocolClient, session: string, name = '3-0'): Promise<void> {
  await client.upload(
    session,
    encodeCiphertextSet(await secret.encrypt([await digit(model.artifact, name)])),
  );
}

/** Fresh encryptions differ, but only by their noise. */
async function expectReference(answer: Answer): Promise<void> {
  expect(answer).toMatchObject({ ok: true, status: 'done' });
  const result = Buffer.from(answer['encrypted_logit_b64'] as string, 'base64');
  const [values] = await secret.decrypt(parseCiphertextSet(result));
  reference ??= values!;
  const worst = Math.max(...values!.map((value, i) => Math.abs(value - reference[i]!)));
  expect(worst).toBeLessThan(model.artifact.signature.outputs[0]!.bound * 2 ** -8);
}

/** On a cluster it is the worker's, whose keys another may have loaded as well. */
it.skipIf(onCluster)(
  'an evaluation process that is killed costs its job a second attempt, and nobody anything else',
  async () => {
    await using running = await start();
    const client = await ready(running, 'crash');
    await uploadDigit(client, 's');
    const record = await running.server.services.keys.resolve('crash', undefined, null);
    const killer = new AbortController();
    {
      const served = running.server.services.catalog.choose(undefined);
      const { file, digest, artifact, fileBytes } = served;
      // The process that has its keys loaded; no other is to be opened.
      using lease = await running.server.pool.acquire(
        {
          affinity: affinityOf(record, served),
          opening: {
            artifactFile: file,
            artifactDigest: digest,
            blobs: { kind: 'files', root: '' },
            keys: [],
          },
          bring: () => Promise.reject(new Error('nothing is loaded')),
          need: memoryNeed(artifact, fileBytes, 1, DEFAULT_LIMITS.maxMemoryBytes),
        },
        () => undefined,
        killer.signal,
      );
      const answer = client.callAs('remote_inference_cnn', { session_id: 's' });
      await expect
        .poll(async () => (await client.callAs('get_session_status', { session_id: 's' }))['status'])
        .toBe('running');
      process.kill(lease.process.processId!, 'SIGKILL');
      await expectReference(await answer);
    }
    const metrics = await (await fetch(metricsUrl(running))).text();
    expect(metrics).toContain('he_compile_evaluator_crashes_total 1');
  },
);

it('sessions that are queued when the server stops are finished by the next one', async () => {
  const first = await start({ shutdownGraceMs: 0 });
  const client = await ready(first, 'restart');
  for (const session of ['a', 'b', 'c']) {
    await uploadDigit(client, session);
    expect(await client.callAs('remote_inference_cnn', { session_id: session, async: true })).toMatchObject({
      ok: true,
    });
  }
  await first.connection.close();
  await first.server[Symbol.asyncDispose]();
  await using second = await start({}, first.state);
  client.reconnect(second.connection.call);
  for (const session of ['a', 'b', 'c']) {
    await expect
      .poll(async () => (await client.callAs('get_session_status', { session_id: session }))['status'], {
        timeout: 30_000,
      })
      .toBe('done');
    await expectReference(await client.callAs('remote_inference_cnn', { session_id: session }));
  }
});

it('a request that was answered before a restart is a replay after it', async () => {
  const first = await start();
  const client = new ProtocolClient('replay', first.connection.call, first.connection.capabilities);
  await client.enrol();
  const call = { name: 'get_key_status', arguments: { client_id: 'replay', auth_token: client.token } };
  const signed = { tool: call.name, arguments: call.arguments };
  const signature = signRequest(signed, client.privateKey, client.audience);
  const send = async ({ connection }: Running): Promise<unknown> =>
    (await connection.call({ ...call, _meta: { [SIGNATURE_META]: signature } })).structuredContent;
  expect(await send(first)).toMatchObject({ error_code: 'ERROR_UNKNOWN_KEY' });
  await first.connection.close();
  await first.server[Symbol.asyncDispose]();
  await using second = await start({}, first.state);
  expect(await send(second)).toMatchObject({ error_code: 'ERROR_REPLAYED' });
});

it.skipIf(onCluster)('one server uses a state folder', async () => {
  await using running = await start();
  await expect(start({}, running.state)).rejects.toMatchObject({ code: 'STATE_IN_USE' });
});

it('keys that do not fit into memory together take turns, within the bound', async () => {
  const need = memoryNeed(model.artifact, 100_000, 2, Number.MAX_SAFE_INTEGER).totalBytes;
  const bound = Math.ceil(1.5 * need);
  await using running = await start({ maxMemoryBytes: bound });
  const clients = [await ready(running, 'one'), await ready(running, 'two')];
  for (const [i, client] of [...clients, ...clients].entries()) {
    await uploadDigit(client, `s${i}`);
    await expectReference(await client.callAs('remote_inference_cnn', { session_id: `s${i}` }));
    const { pools } = running.server.backstage;
    for (const { reservedBytes } of pools) expect(reservedBytes).toBeLessThanOrEqual(bound);
    expect(Math.max(...pools.map(({ size }) => size))).toBe(1);
  }
});

it('a model that does not fit at all is refused with a code', async () => {
  await using running = await start({ maxMemoryBytes: 2 ** 20 });
  const client = new ProtocolClient('big', running.connection.call, running.connection.capabilities);
  await client.enrol();
  await expect(client.provision(keys)).rejects.toThrow('ERROR_MEMORY_EXCEEDED');
});

it('hints for parallelism change not a bit of the result', async () => {
  await using running = await start();
  const client = await ready(running, 'threads');
  const ciphertexts = encodeCiphertextSet(await secret.encrypt([await digit(model.artifact, '6-0')]));
  const results: unknown[] = [];
  for (const omp_threads of [1, 2, undefined]) {
    // Threads are settled when keys are loaded.
    for (const pool of running.server.backstage.pools) await pool.drop();
    const session_id = `threads-${omp_threads ?? 'none'}`;
    await client.upload(session_id, ciphertexts);
    const hint = omp_threads === undefined ? {} : { omp_threads };
    const answer = await client.callAs('remote_inference_cnn', { session_id, ...hint });
    expect(answer).toMatchObject({ ok: true });
    results.push(answer['encrypted_logit_sha256']);
  }
  expect(new Set(results).size).toBe(1);
});

it('a full queue is a clear answer, and the session is as it was', async () => {
  await using running = await start({ queueCapacity: 1 });
  const client = await ready(running, 'busy');
  for (const session of ['a', 'b', 'c', 'd']) await uploadDigit(client, session);
  const order = (session_id: string): Promise<Answer> =>
    client.callAs('remote_inference_cnn', { session_id });
  const answers = await Promise.all(['a', 'b', 'c', 'd'].map(order));
  const refused = answers.filter(({ ok }) => !ok);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThan(4);
  for (const answer of refused) expect(answer).toMatchObject({ error_code: 'ERROR_BUSY', retryable: true });
  for (const session of ['a', 'b', 'c', 'd']) await expectReference(await order(session));
});

it('nothing of a session or a key set remains when it has expired', async () => {
  const sessionLifetimeMs = 3000;
  await using running = await start({ sessionLifetimeMs, keyLifetimeMs: 60_000 });
  const client = await ready(running, 'old');
  await uploadDigit(client, 's');
  await new Promise((resolve) => setTimeout(resolve, sessionLifetimeMs + 1));
  expect(await client.callAs('remote_inference_cnn', { session_id: 's' })).toMatchObject({
    error_code: 'ERROR_SESSION_EXPIRED',
  });
  await running.server.sweep(Date.now() + 120_000);
  expect(await client.callAs('get_session_status', { session_id: 's' })).toMatchObject({
    error_code: 'ERROR_UNKNOWN_SESSION',
  });
  expect(await client.callAs('get_key_status')).toMatchObject({ error_code: 'ERROR_UNKNOWN_KEY' });
});

function metricsUrl({ server }: Running): URL {
  return new URL('/metrics', server.httpUrl ?? '');
}
