/** Tasks of both servers as users start them, with keys and signatures, and with a restart between the call and its answer. */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cliCommand, startServer } from '../../cli/testing/run-servers.ts';
import type { ServerProcess } from '../../cli/testing/run-servers.ts';
import { SecretClient } from '../runtime/client/secret-client.ts';
import { encodeCiphertextSet, parseCiphertextSet } from '../runtime/formats/ciphertext-set.ts';
import { encodeEvaluationKeys } from '../runtime/formats/evaluation-keys.ts';
import { DEFAULT_LIMITS } from './inference/configuration.ts';
import type { TestServer } from './testing/open-test-server.ts';
import { openTestServer } from './testing/open-test-server.ts';
import { SILENT_LOG } from './hosting/log.ts';
import { SIGNATURE_META } from './protocol/extension.ts';
import {
  decodePublicKey,
  requestDigest,
  resultSignature,
  signRequest,
  verifyResult,
} from './protocol/signing.ts';
import { ProtocolClient } from './testing/protocol-client.ts';
import type { TestModel } from './testing/served-model.ts';
import { compileFixture, digit } from './testing/served-model.ts';
import type { TaskClient, TaskRevision } from './testing/task-clients.ts';
import { sdkTaskClient, stdioTaskClient, taskClient } from './testing/task-clients.ts';

const SAMPLES = join(import.meta.dirname, '../../fixtures/samples');
const REVISIONS: readonly TaskRevision[] = ['2025-11-25', '2026-07-28'];
const TIMEOUT_MS = 180_000;

let model: TestModel;
let base: string;
beforeAll(async () => {
  model = await compileFixture('digits-square');
  base = await realpath(await mkdtemp(join(tmpdir(), 'he-compile-tasks-')));
}, TIMEOUT_MS);
afterAll(async () => {
  await model[Symbol.asyncDispose]();
  await rm(base, { recursive: true, force: true });
});

describe.each(REVISIONS)('the remote server, %s', (revision) => {
  it(
    'answers after a restart, signed, and to its own client only',
    async () => {
      const state = join(base, `remote-${revision}`);
      const first = await serve(state);
      const connection = await taskClient(revision, first.url);
      const capabilities = { experimental: (await settingsOf(first.url)) as never };
      const client = new ProtocolClient(
        'alice',
        (params) => connection.call(params.name, params.arguments, params._meta),
        capabilities,
      );
      await client.enrol();
      await using secret = await SecretClient.generate(model.artifact.signature);
      await client.provision(encodeEvaluationKeys(await secret.makeEvaluationKeys()));
      await client.upload(
        's',
        encodeCiphertextSet(await secret.encrypt([await digit(model.artifact, '3-0')])),
      );
      const signed = (tool: string, args: Record<string, unknown>) => ({
        [SIGNATURE_META]: signRequest({ tool, arguments: args }, client.privateKey, client.audience),
      });
      // Keys have to be loaded first, so that it does not end before the server does.
      for (const pool of first.server.backstage.pools) await pool.drop();
      const mine = await taskClient(revision, first.url, client.token);
      const args = { client_id: 'alice', session_id: 's' };
      const meta = signed('remote_inference_cnn', args);
      const { taskId, _meta } = await mine.begin('remote_inference_cnn', args, { meta });
      expect(digestIn(_meta)).toBe(
        requestDigest({ tool: 'remote_inference_cnn', arguments: args }, meta[SIGNATURE_META].nonce),
      );
      await expect(mine.get(taskId)).rejects.toMatchObject({
        data: { error_code: 'ERROR_SIGNATURE_REQUIRED' },
      });
      await Promise.all([mine.close(), connection.close()]);
      await first.server[Symbol.asyncDispose]();

      await using second = await serve(state);
      const again = await taskClient(revision, second.url, client.token);
      const method = revision === '2025-11-25' ? 'tasks/result' : 'tasks/get';
      for (let working = true; working;) {
        working = (await again.get(taskId, signed('tasks/get', { taskId }))).status === 'working';
      }
      const asking = signed(method, { taskId });
      const result = await again.result(taskId, asking);
      const answer = result.structuredContent as Record<string, unknown>;
      expect(answer).toMatchObject({ ok: true, status: 'done', session_id: 's' });
      const signature = resultSignature.parse(result._meta?.[SIGNATURE_META]);
      expect(signature.request_digest).toBe(
        requestDigest({ tool: method, arguments: { taskId } }, asking[SIGNATURE_META].nonce),
      );
      expect(verifyResult(answer, signature, decodePublicKey(second.key))).toBe(true);
      const bytes = Buffer.from(answer['encrypted_logit_b64'] as string, 'base64');
      const [logits] = await secret.decrypt(parseCiphertextSet(bytes));
      expect(logits!.indexOf(Math.max(...logits!))).toBe(3);
      // Over a connection that shows no token the signature alone says who asks.
      const tokenless = await taskClient(revision, second.url);
      expect(await tokenless.get(taskId, signed('tasks/get', { taskId }))).toMatchObject({
        status: 'completed',
      });
      await expect(tokenless.get(taskId)).rejects.toMatchObject({
        data: { error_code: 'ERROR_SIGNATURE_REQUIRED' },
      });
      await Promise.all([again.close(), tokenless.close()]);
    },
    TIMEOUT_MS,
  );
});

describe('the local server, over stdio', () => {
  let remote: ServerProcess;
  beforeAll(async () => {
    const args = ['serve', model.file, '--state', join(base, 'remote'), '--open-enrolment'];
    remote = await startServer(base, [...args, '--http', '127.0.0.1:0']);
  }, TIMEOUT_MS);
  afterAll(() => remote[Symbol.asyncDispose]());

  it.each(REVISIONS)(
    '%s: makes keys and classifies as tasks, which go on after a restart',
    async (revision) => {
      const home = join(base, `local-${revision}`);
      const args = ['crypto', '--root', SAMPLES, '--server', `digits=${new URL(remote.url).origin}`];
      const first = await startLocal(revision, home, args);
      const keys = await first.begin('fhe_keygen', { client_id: 'other', server: 'digits' });
      const { structuredContent: made } = await first.result(keys.taskId);
      expect(made).toMatchObject({ ok: true, client_id: 'other', model: 'digits-square' });
      const call = { image_path: join(SAMPLES, '7-1.png') };
      const begun = await first.begin('fhe_classify_file', call);
      expect(begun).toMatchObject({ status: 'working' });
      expect((await first.get(begun.taskId)).statusMessage).toBeTypeOf('string');
      await first.close();
      const second = await startLocal(revision, home, args);
      const result = await second.result(begun.taskId);
      expect(result).toMatchObject({ isError: false, structuredContent: { ok: true, class: { index: 7 } } });
      expect(await second.get(begun.taskId)).toMatchObject({ status: 'completed', statusMessage: 'done' });
      await second.close();
    },
    TIMEOUT_MS,
  );
});

interface Served extends AsyncDisposable {
  readonly server: TestServer;
  readonly url: string;
  /** Of the server. */
  readonly key: string;
}

async function serve(stateFolder: string): Promise<Served> {
  const configuration = {
    stateFolder,
    limits: { ...DEFAULT_LIMITS, requestsPerSecond: 1e6, requestBurst: 1e6, shutdownGraceMs: 0 },
    enrolment: { open: true, unsigned: false, authorities: [] },
    threads: 1,
  };
  const server = await openTestServer([model.file], configuration, '0.0.0-test', SILENT_LOG);
  const front = { sse: false, allowedHosts: [], allowedOrigins: [], requireBearer: false, tls: null };
  const { url } = await server.listenHttp({ ...front, address: { host: '127.0.0.1', port: 0 } });
  const key = server.services.identity.publicKey;
  return { server, url, key, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function settingsOf(url: string): Promise<unknown> {
  const client = await taskClient('2025-11-25', url);
  const { experimental } = client.capabilities;
  await client.close();
  return experimental;
}

function digestIn(meta: Record<string, unknown> | undefined): string {
  return resultSignature.parse(meta?.[SIGNATURE_META]).request_digest;
}

function startLocal(revision: TaskRevision, home: string, args: readonly string[]): Promise<TaskClient> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: home };
  const command = cliCommand(args);
  if (revision === '2026-07-28') return Promise.resolve(stdioTaskClient(command, env));
  return sdkTaskClient(
    new StdioClientTransport({ command: process.execPath, args: command, env, stderr: 'ignore' }),
  );
}
