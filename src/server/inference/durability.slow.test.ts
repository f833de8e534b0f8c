/** A server that is told to stop: what runs ends and is answered, nothing new begins, and it leaves with 0. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SecretClient } from '../../runtime/client/secret-client.ts';
import { encodeCiphertextSet } from '../../runtime/formats/ciphertext-set.ts';
import { encodeEvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { startServer } from '../testing/crash-server.ts';
import { connectors } from '../testing/mcp-clients.ts';
import { ProtocolClient } from '../testing/protocol-client.ts';
import { compileFixture, digit } from '../testing/served-model.ts';

it('SIGTERM: the running evaluation is answered, waiting ones go on after the restart, nothing new is taken', async () => {
  await using model = await compileFixture('digits-square');
  await using secret = await SecretClient.generate(model.artifact.signature);
  const state = await mkdtemp(join(tmpdir(), 'he-compile-stop-'));
  const args = [model.file, '--http', '127.0.0.1:0', '--state', state, '--open-enrolment', '--threads', '1'];
  const first = await startServer(args);
  const connect = connectors['v2 over Streamable HTTP, 2026-07-28']!;
  try {
    const { call, capabilities } = await connect(first.url);
    const client = new ProtocolClient('stop', call, capabilities);
    await client.enrol();
    await client.provision(encodeEvaluationKeys(await secret.makeEvaluationKeys()));
    const input = encodeCiphertextSet(await secret.encrypt([await digit(model.artifact, '4-0')]));
    for (const session of ['running', 'waiting', 'late']) await client.upload(session, input);
    const answer = client.callAs('remote_inference_cnn', { session_id: 'running' });
    const status = async (session_id: string): Promise<unknown> =>
      (await client.callAs('get_session_status', { session_id }))['status'];
    await expect.poll(() => status('running'), { interval: 10, timeout: 30_000 }).toBe('running');
    expect(await client.callAs('remote_inference_cnn', { session_id: 'waiting', async: true })).toMatchObject(
      { status: 'queued' },
    );
    const exitCode = first.stop();
    const refused = await client
      .callAs('remote_inference_cnn', { session_id: 'late' })
      .then((late) => late.error_code)
      .catch(() => 'no connection');
    expect(['ERROR_SHUTTING_DOWN', 'no connection']).toContain(refused);
    expect(await answer).toMatchObject({ ok: true, status: 'done' });
    expect(await exitCode).toBe(0);

    const second = await startServer(args);
    try {
      client.reconnect((await connect(second.url)).call);
      await expect.poll(() => status('waiting'), { timeout: 60_000 }).toBe('done');
      expect(await status('running')).toBe('done');
      expect(await status('late')).toBe('staging');
    } finally {
      expect(await second.stop()).toBe(0);
    }
  } finally {
    await first.kill();
    await rm(state, { recursive: true, force: true });
  }
});
