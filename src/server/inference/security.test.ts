/** What the remote server refuses, each with its documented code, and that it lives on afterwards. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SecretClient } from '../../runtime/client/secret-client.ts';
import { encodeCiphertextSet } from '../../runtime/formats/ciphertext-set.ts';
import type { EvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { encodeEvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { newKeySet } from '../../runtime/formats/origin.ts';
import { SIGNATURE_META } from '../protocol/extension.ts';
import { sha256Of } from '../protocol/identifiers.ts';
import { signRequest } from '../protocol/signing.ts';
import type { Connection } from '../testing/mcp-clients.ts';
import { connectors } from '../testing/mcp-clients.ts';
import type { Answer } from '../testing/protocol-client.ts';
import { ProtocolClient } from '../testing/protocol-client.ts';
import type { TestModel } from '../testing/served-model.ts';
import { compileFixture, digit } from '../testing/served-model.ts';
import type { HttpListener } from '../transport/http-listener.ts';
import { DEFAULT_LIMITS } from './configuration.ts';
import type { TestServer } from '../testing/open-test-server.ts';
import { openTestServer } from '../testing/open-test-server.ts';
import { SILENT_LOG } from '../hosting/log.ts';

const CHUNK = 64 * 1024;

let model: TestModel;
let state: string;
let server: TestServer;
let http: HttpListener;
let connection: Connection;
let secret: SecretClient;
let keys: EvaluationKeys;
let owner: ProtocolClient;

beforeAll(async () => {
  model = await compileFixture('digits-square');
  state = await mkdtemp(join(tmpdir(), 'he-compile-state-'));
  const limits = {
    ...DEFAULT_LIMITS,
    maxChunkBytes: 2 ** 20,
    requestsPerSecond: 10_000,
    requestBurst: 10_000,
  };
  server = await openTestServer(
    [model.file],
    { stateFolder: state, limits, enrolment: { open: false, unsigned: false, authorities: [] }, threads: 1 },
    '0.0.0-test',
    SILENT_LOG,
  );
  http = await server.listenHttp({
    address: { host: '127.0.0.1', port: 0 },
    tls: null,
    sse: false,
    allowedHosts: [],
    allowedOrigins: [],
    requireBearer: false,
  });
  connection = await connectors['v2 over Streamable HTTP, 2026-07-28']!(http.url);
  secret = await SecretClient.generate(model.artifact.signature);
  keys = await secret.makeEvaluationKeys();
  owner = await enrolled('owner');
  await owner.provision(encodeEvaluationKeys(keys));
});

afterAll(async () => {
  await connection.close();
  await secret[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
  await rm(state, { recursive: true, force: true });
});

function newClient(name: string): ProtocolClient {
  return new ProtocolClient(name, connection.call, connection.capabilities);
}

async function enrolled(name: string): Promise<ProtocolClient> {
  const client = newClient(name);
  const { code } = await server.backstage.invite(name, 60_000);
  expect(await client.enrol(code)).toMatchObject({ ok: true });
  return client;
}

function chunkOf(bytes: Uint8Array, session_id: string, file_name = 'input.hect'): Record<string, unknown> {
  return {
    session_id,
    file_name,
    chunk_index: 0,
    total_chunks: 1,
    chunk_b64: Buffer.from(bytes).toString('base64'),
  };
}

async function provisionCode(
  client: ProtocolClient,
  bytes: Uint8Array,
  sha256 = sha256Of(bytes),
): Promise<unknown> {
  const files = [{ file_name: 'k', bytes: bytes.length, sha256 }];
  const begun = await client.callAs('begin_key_provisioning', { files });
  if (!begun.ok) return begun.error_code;
  const key_ref = begun['key_ref'];
  for (let i = 0, total = Math.ceil(bytes.length / 2 ** 20); i < total; i++) {
    const chunk_b64 = Buffer.from(bytes.subarray(i * 2 ** 20, (i + 1) * 2 ** 20)).toString('base64');
    const chunk = { key_ref, file_name: 'k', chunk_index: i, total_chunks: total, chunk_b64 };
    const sent = await client.callAs('upload_evaluation_key_chunk', chunk);
    if (!sent.ok) return sent.error_code;
  }
  return (await client.callAs('commit_evaluation_keys', { key_ref })).error_code ?? 'committed';
}

describe('enrolment', () => {
  it('takes a code once, for the name it is meant for', async () => {
    const { code } = await server.backstage.invite('alice', 60_000);
    expect(await newClient('mallory').enrol()).toMatchObject({ error_code: 'ERROR_ENROLMENT_REFUSED' });
    const alice = newClient('alice');
    expect(await alice.enrol(code)).toMatchObject({ ok: true });
    expect(await newClient('bob').enrol(code)).toMatchObject({ error_code: 'ERROR_ENROLMENT_REFUSED' });
  });

  it('pins the key: a name is not given to another one, and its owner renews the token without a code', async () => {
    const first = await enrolled('carol');
    const { code } = await server.backstage.invite('carol', 60_000);
    expect(await newClient('carol').enrol(code)).toMatchObject({ error_code: 'ERROR_ENROLMENT_REFUSED' });
    const former = first.token;
    expect(await first.enrol()).toMatchObject({ ok: true });
    expect(first.token).not.toBe(former);
  });

  it('does not tell which names there are', async () => {
    await enrolled('dora');
    for (const code of [undefined, 'a-guessed-code']) {
      const [taken, free] = [await newClient('dora').enrol(code), await newClient('nobody').enrol(code)];
      expect(taken).toEqual(free);
      expect(taken).toMatchObject({ ok: false, error_code: 'ERROR_ENROLMENT_REFUSED' });
    }
  });

  it('refuses codes that have expired', async () => {
    const { code } = await server.backstage.invite(null, -1);
    expect(await newClient('late').enrol(code)).toMatchObject({ error_code: 'ERROR_ENROLMENT_REFUSED' });
  });
});

describe('requests', () => {
  const status = { tool: 'get_key_status', arguments: {} };

  function signed(
    change: (arguments_: Record<string, unknown>) => Record<string, unknown>,
    now = Date.now(),
    audience = owner.audience,
  ) {
    const args = { client_id: 'owner', auth_token: owner.token, ...status.arguments };
    const signature = signRequest({ tool: status.tool, arguments: args }, owner.privateKey, audience, now);
    const params = { name: status.tool, arguments: change(args), _meta: { [SIGNATURE_META]: signature } };
    return async (): Promise<unknown> =>
      ((await connection.call(params)).structuredContent as Answer).error_code;
  }

  it('are answered once: a replay is refused', async () => {
    const send = signed((args) => args);
    expect(await send()).toBeUndefined();
    expect(await send()).toBe('ERROR_REPLAYED');
  });

  it('must be those that were signed, now, for this server', async () => {
    expect(await signed((args) => ({ ...args, model: 'digits-square' }))()).toBe('ERROR_SIGNATURE_INVALID');
    expect(await signed((args) => args, Date.now() - 3_600_000)()).toBe('ERROR_CLOCK_SKEW');
    expect(await signed((args) => args, Date.now() + 3_600_000)()).toBe('ERROR_CLOCK_SKEW');
    expect(await signed((args) => args, Date.now(), 'ab'.repeat(32))()).toBe('ERROR_SIGNATURE_INVALID');
  });

  it('must be signed, by the key that was enrolled', async () => {
    const args = { client_id: 'owner', auth_token: owner.token };
    const unsigned = await connection.call({ name: 'get_key_status', arguments: args });
    expect(unsigned.structuredContent).toMatchObject({ error_code: 'ERROR_SIGNATURE_REQUIRED' });
    const other = generateKeyPairSync('ed25519').privateKey;
    const signature = signRequest({ tool: 'get_key_status', arguments: args }, other, owner.audience);
    const forged = await connection.call({
      name: 'get_key_status',
      arguments: args,
      _meta: { [SIGNATURE_META]: signature },
    });
    expect(forged.structuredContent).toMatchObject({ error_code: 'ERROR_SIGNATURE_INVALID' });
  });

  it('need the token of their client', async () => {
    const stranger = await enrolled('stranger');
    const wrong = { client_id: 'owner', auth_token: stranger.token };
    expect(await stranger.call('get_key_status', wrong)).toMatchObject({ error_code: 'ERROR_UNAUTHORIZED' });
    const unknown = await stranger.call('get_key_status', {
      client_id: 'nobody',
      auth_token: stranger.token,
    });
    expect(unknown).toMatchObject({
      error_code: 'ERROR_UNAUTHORIZED',
      message: expect.any(String) as string,
    });
  });

  it('reach nothing of another client', async () => {
    const stranger = await enrolled('neighbour');
    const { key_ref } = await owner.callAs('get_key_status');
    for (const tool of ['get_key_status', 'commit_evaluation_keys', 'revoke_evaluation_keys']) {
      expect(await stranger.callAs(tool, { key_ref })).toMatchObject({ error_code: 'ERROR_UNKNOWN_KEY' });
    }
    await owner.upload(
      'private',
      encodeCiphertextSet(await secret.encrypt([await digit(model.artifact, '2-0')])),
    );
    for (const tool of [
      'get_session_status',
      'get_inference_result',
      'cancel_inference',
      'remote_inference_cnn',
    ]) {
      expect(await stranger.callAs(tool, { session_id: 'private' })).toMatchObject({
        error_code: 'ERROR_UNKNOWN_SESSION',
      });
    }
    await stranger.upload(
      'mine',
      encodeCiphertextSet(await secret.encrypt([await digit(model.artifact, '2-0')])),
    );
    const borrowed = await stranger.callAs('remote_inference_cnn', { session_id: 'mine', key_ref });
    expect(borrowed).toMatchObject({ error_code: 'ERROR_UNKNOWN_KEY' });
  });

  it('with arguments off the schema are refused by name, and unknown tools by the protocol', async () => {
    const bad: [string, Record<string, unknown>][] = [
      ['upload_ciphertext_chunk', chunkOf(Buffer.alloc(4), '../../etc')],
      ['upload_ciphertext_chunk', chunkOf(Buffer.alloc(4), 's', '../x')],
      ['upload_ciphertext_chunk', chunkOf(Buffer.alloc(4), 's', '.hidden')],
      ['upload_ciphertext_chunk', { ...chunkOf(Buffer.alloc(4), 's'), chunk_index: -1 }],
      ['upload_ciphertext_chunk', { ...chunkOf(Buffer.alloc(4), 's'), total_chunks: 1e9 }],
      ['get_key_status', { key_ref: 'hekey:../../x' }],
      ['get_key_status', { surprise: 1 }],
    ];
    for (const [tool, args] of bad) {
      expect(await owner.callAs(tool, args)).toMatchObject({ error_code: 'ERROR_INVALID_ARGUMENT' });
    }
    await expect(connection.call({ name: 'no_such_tool', arguments: {} })).rejects.toMatchObject({
      code: -32602,
    });
  });
});

describe('uploads', () => {
  it('take a chunk of the maximum and refuse one byte more', async () => {
    const limit = server.services.configuration.limits.maxChunkBytes;
    // More than this model can need in all, but no chunk too large.
    expect(
      await owner.callAs('upload_ciphertext_chunk', chunkOf(Buffer.alloc(limit, 1), 'max')),
    ).toMatchObject({
      ok: true,
      chunk_bytes: limit,
    });
    expect(
      await owner.callAs('upload_ciphertext_chunk', chunkOf(Buffer.alloc(limit + 1, 1), 'over')),
    ).toMatchObject({
      error_code: 'ERROR_CHUNK_TOO_LARGE',
    });
    const response = await fetch(http.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      // Beyond what any chunk may have, the draft's largest.
      body: Buffer.alloc(44 * 2 ** 20, 0x20),
    });
    expect(response.status).toBe(413);
  });

  it('refuse Base64 that is not strict, and chunks that are not what was announced', async () => {
    for (const chunk_b64 of ['AAA', 'AA==\n', 'AB==', 'A-_A', '', 'AAAA====']) {
      const args = { ...chunkOf(Buffer.alloc(1), 'strict'), chunk_b64 };
      expect(await owner.callAs('upload_ciphertext_chunk', args)).toMatchObject({
        error_code: 'ERROR_CHUNK_INVALID',
      });
    }
    const tampered = { ...chunkOf(Buffer.alloc(9), 'strict'), chunk_sha256: sha256Of(Buffer.alloc(8)) };
    expect(await owner.callAs('upload_ciphertext_chunk', tampered)).toMatchObject({
      error_code: 'ERROR_CHUNK_INVALID',
    });
  });

  it('refuse a secret key before it is written', async () => {
    const args = chunkOf(secret.secretKey.subarray(0, CHUNK), 'leak');
    expect(await owner.callAs('upload_ciphertext_chunk', args)).toMatchObject({
      error_code: 'ERROR_SECRET_KEY_REFUSED',
    });
    const piece = Buffer.from(secret.secretKey.subarray(2000, 2064));
    for await (const [what, bytes] of server.backstage.kept())
      expect(Buffer.from(bytes).includes(piece), what).toBe(false);
  });

  it('end where a client’s room ends', async () => {
    const limit = server.services.configuration.limits.maxChunkBytes;
    let last: Answer = { ok: true };
    for (let i = 0; last.ok && i < 8; i++) {
      last = await owner.callAs('upload_ciphertext_chunk', chunkOf(Buffer.alloc(limit, i), 'flood', `f${i}`));
    }
    expect(last).toMatchObject({ error_code: 'ERROR_QUOTA_EXCEEDED' });
  });
});

describe('evaluation keys', () => {
  it('are refused if a key is missing, damaged, too large, of other parameters, or secret', async () => {
    const client = await enrolled('keys');
    const [first, ...others] = keys.rotations;
    const damaged = Uint8Array.from(first!.bytes);
    damaged.fill(0xff, 100, 400);
    const code = (change: Partial<EvaluationKeys>): Promise<unknown> =>
      provisionCode(client, encodeEvaluationKeys({ ...keys, ...change }));
    expect(await code({ rotations: others })).toBe('ERROR_INVALID_GALOIS_KEY');
    expect(await code({ relinearization: null })).toBe('ERROR_INVALID_GALOIS_KEY');
    expect(await code({ rotations: [{ ...first!, bytes: damaged }, ...others] })).toBe(
      'ERROR_INVALID_EVALUATION_KEY',
    );
    const padded = Buffer.concat([first!.bytes, Buffer.alloc(2 ** 21)]);
    expect(await code({ rotations: [{ ...first!, bytes: padded }, ...others] })).toBe(
      'ERROR_INVALID_EVALUATION_KEY',
    );
    expect(await code({ parametersDigest: 'ab'.repeat(32) })).toBe('ERROR_PARAMETER_MISMATCH');
    expect(await provisionCode(client, secret.secretKey)).toBe('ERROR_SECRET_KEY_REFUSED');
    const whole = encodeEvaluationKeys(keys);
    expect(await provisionCode(client, whole, 'ab'.repeat(32))).toBe('ERROR_INVALID_EVALUATION_KEY');
    expect(await provisionCode(client, whole)).toBe('committed');
  });

  it('must be those that the ciphertexts were made with', async () => {
    const set = await secret.encrypt([await digit(model.artifact, '4-0')]);
    await owner.upload('mixed', encodeCiphertextSet({ ...set, keySet: newKeySet() }));
    expect(await owner.callAs('remote_inference_cnn', { session_id: 'mixed' })).toMatchObject({
      error_code: 'ERROR_KEY_SET_MISMATCH',
    });
    const tensors = set.tensors.map((tensor) => ({
      ...tensor,
      ciphertexts: tensor.ciphertexts.map((c) => c.slice(0, -8)),
    }));
    await owner.upload('cut', encodeCiphertextSet({ ...set, tensors }));
    expect(await owner.callAs('remote_inference_cnn', { session_id: 'cut' })).toMatchObject({
      error_code: 'ERROR_INVALID_CIPHERTEXT',
    });
  });

  it('and everything stated about them are checked before a session is queued', async () => {
    await owner.upload(
      'stated',
      encodeCiphertextSet(await secret.encrypt([await digit(model.artifact, '4-0')])),
    );
    const refused = async (parameters: Record<string, unknown>): Promise<unknown> =>
      (await owner.callAs('remote_inference_cnn', { session_id: 'stated', ...parameters })).error_code;
    expect(await refused({ security_level: 256 })).toBe('ERROR_WEAK_PARAMETERS');
    expect(await refused({ max_multiplication_depth: 99 })).toBe('ERROR_DEPTH_EXCEEDED');
    expect(await refused({ galois_key_mappings: {} })).toBe('ERROR_INVALID_GALOIS_KEY');
    expect(await refused({ scheme_context: 'BFV' })).toBe('ERROR_SCHEME_MISMATCH');
    const { coeff_modulus, ...stated } = model.artifact.negotiation;
    const answer = await owner.callAs('remote_inference_cnn', {
      session_id: 'stated',
      ...stated,
      coeff_modulus: [...coeff_modulus],
    });
    expect(answer).toMatchObject({ ok: true, status: 'done' });
  });
});

describe('the HTTP front', () => {
  const post = (headers: Record<string, string>, body = '{}'): Promise<Response> =>
    fetch(http.url, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body });

  it('refuses foreign origins, bad tokens, other types, encodings and what is no JSON', async () => {
    expect((await post({ Origin: 'https://evil.example' })).status).toBe(403);
    expect((await post({ Authorization: 'Bearer wrong-token-wrong-token' })).status).toBe(401);
    expect((await post({ Authorization: 'Basic abc' })).status).toBe(401);
    expect((await post({ 'Content-Type': 'text/plain' })).status).toBe(415);
    expect((await post({ 'Content-Encoding': 'gzip' })).status).toBe(415);
    expect((await post({}, '{"jsonrpc":')).status).toBe(400);
    expect((await fetch(new URL('/etc/passwd', http.url))).status).toBe(404);
  });

  it('shows health and metrics without names of clients', async () => {
    expect(await (await fetch(new URL('/healthz', http.url))).json()).toEqual({ status: 'ok', models: 1 });
    const metrics = await (await fetch(new URL('/metrics', http.url))).text();
    expect(metrics).toContain('he_compile_errors_total{code="ERROR_REPLAYED"} 1');
    expect(metrics).not.toContain('owner');
  });
});
