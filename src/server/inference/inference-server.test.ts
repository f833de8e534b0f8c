/** The remote server as clients see it: real tool calls over its transports, from keys to a decrypted answer. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SecretClient } from '../../runtime/client/secret-client.ts';
import { encodeCiphertextSet, parseCiphertextSet } from '../../runtime/formats/ciphertext-set.ts';
import { encodeEvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { connectors } from '../testing/mcp-clients.ts';
import type { Answer } from '../testing/protocol-client.ts';
import { ProtocolClient } from '../testing/protocol-client.ts';
import type { TestModel } from '../testing/served-model.ts';
import { compileFixture, digit } from '../testing/served-model.ts';
import type { HttpListener } from '../transport/http-listener.ts';
import type { ServerConfiguration } from './configuration.ts';
import { DEFAULT_LIMITS } from './configuration.ts';
import type { InferenceServer } from './inference-server.ts';
import { openTestServer } from '../testing/open-test-server.ts';
import { SILENT_LOG } from '../hosting/log.ts';

let model: TestModel;
let state: string;
let server: InferenceServer;
let http: HttpListener;
let secret: SecretClient;
let keys: Uint8Array;

beforeAll(async () => {
  model = await compileFixture('digits-square');
  state = await mkdtemp(join(tmpdir(), 'he-compile-state-'));
  const configuration: ServerConfiguration = {
    stateFolder: state,
    limits: { ...DEFAULT_LIMITS, maxChunkBytes: 2 ** 20, maxInlineResultBytes: 2 ** 20 },
    enrolment: { open: true, unsigned: false, authorities: [] },
    threads: 1,
  };
  server = await openTestServer([model.file], configuration, '0.0.0-test', SILENT_LOG);
  http = await server.listenHttp({
    address: { host: '127.0.0.1', port: 0 },
    tls: null,
    sse: true,
    allowedHosts: [],
    allowedOrigins: [],
    requireBearer: false,
  });
  secret = await SecretClient.generate(model.artifact.signature);
  keys = encodeEvaluationKeys(await secret.makeEvaluationKeys());
});

afterAll(async () => {
  await secret[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
  await rm(state, { recursive: true, force: true });
});

async function encryptDigit(name: string): Promise<Uint8Array> {
  return encodeCiphertextSet(await secret.encrypt([await digit(model.artifact, name)]));
}

async function classOf(answer: Answer): Promise<number> {
  const result = Buffer.from(answer['encrypted_logit_b64'] as string, 'base64');
  expect(result.length).toBe(answer['encrypted_logit_bytes']);
  const [logits] = await secret.decrypt(parseCiphertextSet(result));
  return logits!.indexOf(Math.max(...logits!));
}

/** Enrolled, keys provisioned, over Streamable HTTP. */
async function ready(clientId: string): Promise<{ client: ProtocolClient; close: () => Promise<void> }> {
  const connection = await connectors['v1 over Streamable HTTP']!(http.url);
  const client = new ProtocolClient(clientId, connection.call, connection.capabilities);
  expect(await client.enrol()).toMatchObject({ ok: true, signatures_required: true });
  await client.provision(keys);
  return { client, close: connection.close };
}

describe.each(Object.keys(connectors))('a client, %s', (name) => {
  it('lists tools and classifies an encrypted digit', async () => {
    const connection = await connectors[name]!(http.url);
    expect(await connection.toolNames()).toContain('remote_inference_cnn');
    const client = new ProtocolClient(
      name.replace(/[^A-Za-z0-9]/g, '-'),
      connection.call,
      connection.capabilities,
    );
    await client.enrol();
    const key_ref = await client.provision(keys);
    await client.upload('digit', await encryptDigit('3-0'));
    const answer = await client.callAs('remote_inference_cnn', { session_id: 'digit', omp_threads: 9 });
    expect(answer).toMatchObject({
      ok: true,
      status: 'done',
      key_ref,
      requires_decryption: true,
      error_code: null,
      noise_budget_remaining: { remaining_level: model.artifact.signature.outputs[0]!.level },
      computation_depth_used: model.artifact.report.depth,
      output_shape: [1, 10],
    });
    expect(await classOf(answer)).toBe(3);
    await connection.close();
  });
});

describe('sessions', () => {
  it('return the same result when asked again, also in chunks, and take no other inputs then', async () => {
    const { client, close } = await ready('again');
    await client.upload('s', await encryptDigit('7-1'));
    const first = await client.callAs('remote_inference_cnn', { session_id: 's' });
    const second = await client.callAs('remote_inference_cnn', { session_id: 's', omp_threads: 1 });
    expect(second).toEqual(first);
    expect(await client.callAs('remote_inference', { session_id: 's' })).toEqual(first);
    const result = await client.callAs('get_inference_result', { session_id: 's' });
    expect(result).toMatchObject({ total_chunks: 1, chunk_b64: first['encrypted_logit_b64'] });
    const late = await client.callAs('upload_ciphertext_chunk', {
      session_id: 's',
      file_name: 'more',
      chunk_index: 0,
      total_chunks: 1,
      chunk_b64: 'AAAA',
    });
    expect(late).toMatchObject({ ok: false, error_code: 'ERROR_SESSION_CLOSED' });
    await close();
  });

  it('take the parameters of §7.1 with a chunk already, and refuse them there', async () => {
    const { client, close } = await ready('negotiated');
    const chunk = { session_id: 'n', file_name: 'x', chunk_index: 0, total_chunks: 2, chunk_b64: 'AAAA' };
    const { scale, poly_modulus_degree } = model.artifact.negotiation;
    const upload = (parameters: object): Promise<Answer> =>
      client.callAs('upload_ciphertext_chunk', { ...chunk, ...parameters });
    expect(await upload({ scale, poly_modulus_degree, scheme_context: 'CKKS' })).toMatchObject({ ok: true });
    expect(await upload({ poly_modulus_degree: 2 * poly_modulus_degree })).toMatchObject({
      ok: false,
      error_code: 'ERROR_PARAMETER_MISMATCH',
    });
    expect(await upload({ security_level: 256 })).toMatchObject({ error_code: 'ERROR_WEAK_PARAMETERS' });
    await close();
  });

  it('run in the background if asked to', async () => {
    const { client, close } = await ready('background');
    await client.upload('s', await encryptDigit('3-1'));
    const ordered = await client.callAs('remote_inference_cnn', { session_id: 's', async: true });
    expect(ordered).toMatchObject({ ok: true, requires_decryption: false });
    await expect
      .poll(async () => (await client.callAs('get_session_status', { session_id: 's' }))['status'], {
        timeout: 20_000,
      })
      .toBe('done');
    expect(await classOf(await client.callAs('remote_inference_cnn', { session_id: 's' }))).toBe(3);
    await close();
  });

  it('say what is missing, and take chunks in any order and twice, but not other bytes', async () => {
    const { client, close } = await ready('resume');
    const bytes = await encryptDigit('5-0');
    const size = Math.ceil(bytes.length / 3);
    const send = (chunk_index: number, flip = 0): Promise<Answer> => {
      const chunk = Buffer.from(bytes.subarray(chunk_index * size, (chunk_index + 1) * size));
      chunk[chunk.length - 1]! ^= flip;
      const chunk_b64 = chunk.toString('base64');
      return client.callAs('upload_ciphertext_chunk', {
        session_id: 's',
        file_name: 'input.hect',
        chunk_index,
        total_chunks: 3,
        chunk_b64,
      });
    };
    expect(await send(2)).toMatchObject({ ok: true, complete: false });
    expect(await client.callAs('get_session_status', { session_id: 's' })).toMatchObject({
      files: [{ received_chunks: 1, missing: [[0, 1]] }],
    });
    expect(await client.callAs('remote_inference_cnn', { session_id: 's' })).toMatchObject({
      error_code: 'ERROR_UPLOAD_INCOMPLETE',
      requires_decryption: false,
    });
    expect(await send(0)).toMatchObject({ ok: true });
    expect(await send(0)).toMatchObject({ ok: true });
    expect(await send(0, 1)).toMatchObject({ error_code: 'ERROR_CHUNK_CONFLICT' });
    expect(await send(1)).toMatchObject({ ok: true, complete: true });
    expect(await classOf(await client.callAs('remote_inference_cnn', { session_id: 's' }))).toBe(5);
    await close();
  });

  it('are cancelled, and start anew', async () => {
    const { client, close } = await ready('cancel');
    await client.upload('s', await encryptDigit('9-0'));
    const [answer, cancelled] = await Promise.all([
      client.callAs('remote_inference_cnn', { session_id: 's' }),
      client.callAs('cancel_inference', { session_id: 's' }),
    ]);
    expect(answer).toMatchObject({ ok: false, error_code: 'ERROR_CANCELLED' });
    expect(cancelled).toMatchObject({ ok: true, status: 'cancelled' });
    expect(await classOf(await client.callAs('remote_inference_cnn', { session_id: 's' }))).toBe(9);
    await close();
  });
});

describe('key sets', () => {
  it('are named by content, never sent twice, and gone for good when revoked', async () => {
    const { client, close } = await ready('keys');
    const reference = await client.provision(keys);
    expect(await client.callAs('get_key_status')).toMatchObject({ key_ref: reference, state: 'active' });
    expect(await client.callAs('revoke_evaluation_keys', { key_ref: reference })).toMatchObject({
      state: 'revoked',
    });
    await client.upload('s', await encryptDigit('0-0'));
    expect(await client.callAs('remote_inference_cnn', { session_id: 's' })).toMatchObject({
      error_code: 'ERROR_KEY_REVOKED',
    });
    await expect(client.provision(keys)).rejects.toThrow('ERROR_KEY_REVOKED');
    await close();
  });
});
