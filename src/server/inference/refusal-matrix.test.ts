/**
 * What both servers refuse, in one table: what is sent, and the documented code. After every row the server does good work,
 * and what it answered helps the caller and holds nothing secret.
 */
import { generateKeyPairSync } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SecretClient } from '../../runtime/client/secret-client.ts';
import type { CiphertextSet } from '../../runtime/formats/ciphertext-set.ts';
import { encodeCiphertextSet } from '../../runtime/formats/ciphertext-set.ts';
import type { EvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { encodeEvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { newKeySet } from '../../runtime/formats/origin.ts';
import type { LocalWorld } from '../crypto/testing/local-world.ts';
import { openLocalWorld } from '../crypto/testing/local-world.ts';
import type { ErrorCode } from '../protocol/error-codes.ts';
import { ERROR_TABLE } from '../protocol/error-codes.ts';
import { SIGNATURE_META } from '../protocol/extension.ts';
import { encodeSignature } from '../protocol/signature-document.ts';
import { HIGHEST_CHUNK_BYTES, sha256Of } from '../protocol/identifiers.ts';
import { signRequest } from '../protocol/signing.ts';
import type { Connection } from '../testing/mcp-clients.ts';
import { connectors } from '../testing/mcp-clients.ts';
import type { Answer } from '../testing/protocol-client.ts';
import { ProtocolClient } from '../testing/protocol-client.ts';
import { digit } from '../testing/served-model.ts';
import { DEFAULT_LIMITS } from './configuration.ts';
import type { ServerLimits } from './configuration.ts';
import type { InferenceServer } from './inference-server.ts';
import { openTestServer } from '../testing/open-test-server.ts';
import { SILENT_LOG } from '../hosting/log.ts';

const MIB = 2 ** 20;
const QUOTA = 6;
const BOMB_BYTES = 256 * MIB;

interface Remote {
  readonly server: InferenceServer;
  readonly connection: Connection;
  readonly url: string;
  readonly state: string;
}

let world: LocalWorld;
let main: Remote;
/** Its tokens are expired as soon as they are made, and its clients run out of patience. */
let strict: Remote;
let secret: SecretClient;
let keys: EvaluationKeys;
let encrypted: CiphertextSet;
let owner: ProtocolClient;
let neighbour: ProtocolClient;
let ownersKey: string;
let agent: Client;
let localKeySet: string;

async function openRemote(limits: Partial<ServerLimits>): Promise<Remote> {
  const state = await mkdtemp(join(tmpdir(), 'he-compile-refusals-'));
  const server = await openTestServer(
    [world.model.file],
    {
      stateFolder: state,
      limits: { ...DEFAULT_LIMITS, maxChunkBytes: MIB, requestsPerSecond: 1e5, requestBurst: 1e5, ...limits },
      enrolment: { open: true, unsigned: false, authorities: [] },
      threads: 1,
    },
    '0.0.0-test',
    SILENT_LOG,
  );
  const { url } = await server.listenHttp({
    address: { host: '127.0.0.1', port: 0 },
    tls: null,
    sse: false,
    allowedHosts: [],
    allowedOrigins: [],
    requireBearer: false,
  });
  const connection = await connectors['v2 over Streamable HTTP, 2026-07-28']!(url);
  return { server, connection, url, state };
}

async function enrolled({ connection }: Remote, name: string): Promise<ProtocolClient> {
  const client = new ProtocolClient(name, connection.call, connection.capabilities);
  expect(await client.enrol()).toMatchObject({ ok: true });
  return client;
}

beforeAll(async () => {
  world = await openLocalWorld();
  main = await openRemote({ sessionsPerClient: QUOTA, queueCapacityPerClient: 1 });
  strict = await openRemote({ tokenLifetimeMs: 0, requestsPerSecond: 0.001, requestBurst: 8 });
  secret = await SecretClient.generate(world.model.artifact.signature);
  keys = await secret.makeEvaluationKeys();
  encrypted = await secret.encrypt([await digit(world.model.artifact, '3-0')]);
  owner = await enrolled(main, 'owner');
  neighbour = await enrolled(main, 'neighbour');
  ownersKey = await owner.provision(encodeEvaluationKeys(keys));
  await neighbour.provision(encodeEvaluationKeys(keys));
  await owner.upload('good', encodeCiphertextSet(encrypted));

  agent = new Client({ name: 'agent', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  const requestInit = { headers: { Authorization: `Bearer ${world.token}` } };
  await agent.connect(new StreamableHTTPClientTransport(new URL(world.localUrl), { requestInit }));
  await copyFile(world.model.file, join(world.root, 'model.hemodel'));
  const made = await local('fhe_keygen', {
    client_id: 'agent',
    artifact_path: join(world.root, 'model.hemodel'),
  });
  expect(made).toMatchObject({ ok: true });
  localKeySet = made['key_set'] as string;
}, 180_000);

afterAll(async () => {
  await agent.close();
  for (const { connection, server, state } of [main, strict]) {
    await connection.close();
    await server[Symbol.asyncDispose]();
    await rm(state, { recursive: true, force: true });
  }
  await secret[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

async function local(tool: string, args: Record<string, unknown>): Promise<Answer> {
  const { structuredContent } = await agent.callTool({ name: tool, arguments: args }, { timeout: 60_000 });
  return structuredContent as Answer;
}

function chunkOf(bytes: Uint8Array, target: Record<string, unknown> = {}): Record<string, unknown> {
  const chunk_b64 = Buffer.from(bytes).toString('base64');
  return { session_id: 'chunks', file_name: 'f', chunk_index: 0, total_chunks: 2, chunk_b64, ...target };
}

/** Infers on the session of a good upload, stating something. */
function stating(parameters: Record<string, unknown>): () => Promise<Answer> {
  return () => owner.callAs('remote_inference_cnn', { session_id: 'good', ...parameters });
}

async function inferring(set: CiphertextSet, change: (bytes: Uint8Array) => Uint8Array): Promise<Answer> {
  await owner.upload('bad', change(encodeCiphertextSet(set)));
  const answer = await owner.callAs('remote_inference_cnn', { session_id: 'bad' });
  await owner.callAs('cancel_inference', { session_id: 'bad', discard: true });
  return answer;
}

async function provisioning(bytes: Uint8Array, announced: string = sha256Of(bytes)): Promise<Answer> {
  const client = neighbour;
  const files = [{ file_name: 'k', bytes: bytes.length, sha256: announced }];
  const { key_ref } = await client.callAs('begin_key_provisioning', { files });
  try {
    await client.sendFile('upload_evaluation_key_chunk', { key_ref }, 'k', bytes, MIB);
  } catch (error) {
    return JSON.parse((error as Error).message) as Answer;
  }
  return client.callAs('commit_evaluation_keys', { key_ref });
}

function withKeys(change: Partial<EvaluationKeys>): Uint8Array {
  return encodeEvaluationKeys({ ...keys, ...change });
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[copy.length >> 1]! ^= 1;
  return copy;
}

function firstCiphertext(change: (bytes: Uint8Array) => Uint8Array): CiphertextSet {
  const tensors = encrypted.tensors.map((tensor) => ({
    ...tensor,
    ciphertexts: tensor.ciphertexts.map((bytes, i) => (i === 0 ? change(bytes) : bytes)),
  }));
  return { ...encrypted, tensors };
}

/** What the library would inflate, if it were asked to: its header (magic, sizes, version, zstd) before packed zeros. */
function packedBomb(like: Uint8Array): Uint8Array {
  const packed = zstdCompressSync(Buffer.alloc(BOMB_BYTES));
  const header = Buffer.from(like.subarray(0, 16));
  header.writeUInt8(2, 5);
  header.writeBigUInt64LE(BigInt(16 + packed.length), 8);
  return Buffer.concat([header, packed]);
}

/** The same call twice over, or signed by someone else, for somewhere else, at another time. */
async function signedCall({
  now = Date.now(),
  key = owner.privateKey,
  audience = owner.audience,
  times = 1,
  change = {},
}): Promise<Answer> {
  const args = { client_id: 'owner', auth_token: owner.token };
  const signature = signRequest({ tool: 'get_key_status', arguments: args }, key, audience, now);
  let answer: Answer = { ok: true };
  for (let i = 0; i < times; i++) {
    const { structuredContent } = await main.connection.call({
      name: 'get_key_status',
      arguments: { ...args, ...change },
      _meta: { [SIGNATURE_META]: signature },
    });
    answer = structuredContent as Answer;
  }
  return answer;
}

async function crowd(count: number, client: ProtocolClient): Promise<Answer> {
  let answer: Answer = { ok: true };
  for (let i = 0; answer.ok && i < count; i++) {
    answer = await client.callAs(
      'upload_ciphertext_chunk',
      chunkOf(Buffer.alloc(8), { session_id: `s${i}` }),
    );
  }
  return answer;
}

async function busy(): Promise<Answer> {
  const client = await enrolled(main, 'busy');
  await client.provision(encodeEvaluationKeys(keys));
  for (const id of ['b0', 'b1', 'b2', 'b3']) await client.upload(id, encodeCiphertextSet(encrypted));
  let refused: Answer | undefined;
  for (const session_id of ['b0', 'b1', 'b2', 'b3']) {
    const answer = await client.callAs('remote_inference_cnn', { session_id, async: true });
    if (!answer.ok) refused ??= answer;
  }
  for (const session_id of ['b0', 'b1', 'b2', 'b3'])
    await client.callAs('cancel_inference', { session_id, discard: true });
  return refused ?? { ok: true };
}

const REMOTE: readonly (readonly [what: string, code: ErrorCode, attack: () => Promise<Answer>])[] = [
  ['parameters weaker than the security stated', 'ERROR_WEAK_PARAMETERS', stating({ security_level: 256 })],
  ['another ring than the keys have', 'ERROR_PARAMETER_MISMATCH', stating({ batch_size: 12_345 })],
  ['a depth too large', 'ERROR_DEPTH_EXCEEDED', stating({ max_multiplication_depth: 99 })],
  ['another scheme', 'ERROR_SCHEME_MISMATCH', stating({ scheme_context: 'BFV' })],
  ['another packing', 'ERROR_PACKING_MISMATCH', stating({ input_packing_format: 'by hand' })],
  ['a mapping without a Galois key', 'ERROR_INVALID_GALOIS_KEY', stating({ galois_key_mappings: {} })],
  [
    'keys of which one Galois key is missing',
    'ERROR_INVALID_GALOIS_KEY',
    () => provisioning(withKeys({ rotations: keys.rotations.slice(1) })),
  ],
  [
    'keys without the relinearisation key',
    'ERROR_INVALID_GALOIS_KEY',
    () => provisioning(withKeys({ relinearization: null })),
  ],
  ['a tampered key', 'ERROR_INVALID_EVALUATION_KEY', () => provisioning(flipped(encodeEvaluationKeys(keys)))],
  [
    'a key that inflates to far more',
    'ERROR_INVALID_EVALUATION_KEY',
    () => {
      const [first, ...others] = keys.rotations;
      return provisioning(
        withKeys({ rotations: [{ ...first!, bytes: packedBomb(first!.bytes) }, ...others] }),
      );
    },
  ],
  [
    'keys of other bytes than were announced',
    'ERROR_INVALID_EVALUATION_KEY',
    () => provisioning(encodeEvaluationKeys(keys), 'ab'.repeat(32)),
  ],
  [
    'keys of other parameters',
    'ERROR_PARAMETER_MISMATCH',
    () => provisioning(withKeys({ parametersDigest: 'ab'.repeat(32) })),
  ],
  ['a secret key for evaluation keys', 'ERROR_SECRET_KEY_REFUSED', () => provisioning(secret.secretKey)],
  [
    'a secret key for a ciphertext',
    'ERROR_SECRET_KEY_REFUSED',
    () => owner.callAs('upload_ciphertext_chunk', chunkOf(secret.secretKey.subarray(0, 65_536))),
  ],
  [
    'the token of another client',
    'ERROR_UNAUTHORIZED',
    () => neighbour.call('get_key_status', { client_id: 'owner', auth_token: neighbour.token }),
  ],
  ['no token', 'ERROR_UNAUTHORIZED', () => owner.call('get_key_status', { client_id: 'owner' })],
  ['an unknown client', 'ERROR_UNAUTHORIZED', () => owner.callAs('get_key_status', { client_id: 'nobody' })],
  ['a replayed request', 'ERROR_REPLAYED', () => signedCall({ times: 2 })],
  ['a stale clock', 'ERROR_CLOCK_SKEW', () => signedCall({ now: Date.now() - 3_600_000 })],
  ['a clock ahead', 'ERROR_CLOCK_SKEW', () => signedCall({ now: Date.now() + 3_600_000 })],
  [
    'the signature of another key',
    'ERROR_SIGNATURE_INVALID',
    () => signedCall({ key: generateKeyPairSync('ed25519').privateKey }),
  ],
  [
    'a signature for another server',
    'ERROR_SIGNATURE_INVALID',
    () => signedCall({ audience: 'ab'.repeat(32) }),
  ],
  [
    'arguments other than were signed',
    'ERROR_SIGNATURE_INVALID',
    () => signedCall({ change: { model: 'digits-square' } }),
  ],
  [
    'no signature',
    'ERROR_SIGNATURE_REQUIRED',
    async () => {
      const args = { client_id: 'owner', auth_token: owner.token };
      const { structuredContent } = await main.connection.call({ name: 'get_key_status', arguments: args });
      return structuredContent as Answer;
    },
  ],
  [
    'an expired token',
    'ERROR_TOKEN_EXPIRED',
    async () => (await enrolled(strict, 'late')).callAs('get_key_status'),
  ],
  [
    'too many requests',
    'ERROR_RATE_LIMITED',
    async () => {
      let answer: Answer = { ok: true };
      const client = new ProtocolClient('many', strict.connection.call, strict.connection.capabilities);
      for (let i = 0; i < 20 && answer.error_code !== 'ERROR_RATE_LIMITED'; i++)
        answer = await client.enrol();
      return answer;
    },
  ],
  [
    'a name that is taken',
    'ERROR_ENROLMENT_REFUSED',
    () => new ProtocolClient('owner', main.connection.call, main.connection.capabilities).enrol(),
  ],
  [
    'a chunk one byte too large',
    'ERROR_CHUNK_TOO_LARGE',
    async () => {
      const largest = await owner.callAs('upload_ciphertext_chunk', chunkOf(Buffer.alloc(MIB, 1)));
      expect(largest).toMatchObject({ ok: true, chunk_bytes: MIB });
      return owner.callAs('upload_ciphertext_chunk', chunkOf(Buffer.alloc(MIB + 1, 1), { chunk_index: 1 }));
    },
  ],
  [
    'a chunk as large as the draft allows, where the server takes less',
    'ERROR_CHUNK_TOO_LARGE',
    () => owner.callAs('upload_ciphertext_chunk', chunkOf(Buffer.alloc(HIGHEST_CHUNK_BYTES, 1))),
  ],
  [
    'a tampered chunk',
    'ERROR_CHUNK_INVALID',
    () =>
      owner.callAs(
        'upload_ciphertext_chunk',
        chunkOf(Buffer.alloc(9), { chunk_sha256: sha256Of(Buffer.alloc(8)) }),
      ),
  ],
  [
    'an index past the end',
    'ERROR_CHUNK_INVALID',
    () => owner.callAs('upload_ciphertext_chunk', chunkOf(Buffer.alloc(9), { chunk_index: 2 })),
  ],
  [
    'other bytes for the same chunk',
    'ERROR_CHUNK_CONFLICT',
    async () => {
      await owner.callAs('upload_ciphertext_chunk', chunkOf(Buffer.alloc(9), { file_name: 'twice' }));
      return owner.callAs('upload_ciphertext_chunk', chunkOf(Buffer.alloc(8), { file_name: 'twice' }));
    },
  ],
  [
    'inference before the last chunk',
    'ERROR_UPLOAD_INCOMPLETE',
    () => owner.callAs('remote_inference_cnn', { session_id: 'chunks' }),
  ],
  [
    'keys committed before their first chunk',
    'ERROR_UPLOAD_INCOMPLETE',
    async () => {
      const files = [{ file_name: 'k', bytes: 10, sha256: 'cd'.repeat(32) }];
      const { key_ref } = await neighbour.callAs('begin_key_provisioning', { files });
      const answer = await neighbour.callAs('commit_evaluation_keys', { key_ref });
      await neighbour.callAs('revoke_evaluation_keys', { key_ref });
      return answer;
    },
  ],
  [
    'a result before the inference',
    'ERROR_RESULT_NOT_READY',
    () => owner.callAs('get_inference_result', { session_id: 'good' }),
  ],
  [
    'a path for a file name',
    'ERROR_INVALID_ARGUMENT',
    () =>
      owner.callAs('upload_ciphertext_chunk', chunkOf(Buffer.alloc(4), { file_name: '../../etc/passwd' })),
  ],
  [
    'a path for a session',
    'ERROR_INVALID_ARGUMENT',
    () => owner.callAs('upload_ciphertext_chunk', chunkOf(Buffer.alloc(4), { session_id: '../owner' })),
  ],
  [
    'a path for a key reference',
    'ERROR_INVALID_ARGUMENT',
    () => owner.callAs('get_key_status', { key_ref: 'hekey:../../server-key.pem' }),
  ],
  ['a tampered ciphertext container', 'ERROR_INVALID_CIPHERTEXT', () => inferring(encrypted, flipped)],
  [
    'a ciphertext cut short',
    'ERROR_INVALID_CIPHERTEXT',
    () =>
      inferring(
        firstCiphertext((bytes) => bytes.slice(0, -8)),
        (bytes) => bytes,
      ),
  ],
  [
    'a ciphertext that inflates to far more',
    'ERROR_INVALID_CIPHERTEXT',
    () => inferring(firstCiphertext(packedBomb), (bytes) => bytes),
  ],
  [
    'ciphertexts of another key pair',
    'ERROR_KEY_SET_MISMATCH',
    () => inferring({ ...encrypted, keySet: newKeySet() }, (bytes) => bytes),
  ],
  [
    'an unknown session',
    'ERROR_UNKNOWN_SESSION',
    () => owner.callAs('remote_inference_cnn', { session_id: 'never' }),
  ],
  [
    'the session of another client',
    'ERROR_UNKNOWN_SESSION',
    () => neighbour.callAs('remote_inference_cnn', { session_id: 'good' }),
  ],
  [
    'the result of another client',
    'ERROR_UNKNOWN_SESSION',
    () => neighbour.callAs('get_inference_result', { session_id: 'good' }),
  ],
  [
    'a key reference that nobody has',
    'ERROR_UNKNOWN_KEY',
    () => neighbour.callAs('get_key_status', { key_ref: `hekey:${'0'.repeat(64)}` }),
  ],
  [
    'a model that is not served',
    'ERROR_UNKNOWN_MODEL',
    () => owner.call('describe_model', { model: 'none' }),
  ],
  [
    'more sessions than a client may have',
    'ERROR_QUOTA_EXCEEDED',
    async () => crowd(QUOTA + 1, await enrolled(main, 'crowd')),
  ],
  ['more evaluations than the queue holds', 'ERROR_BUSY', busy],
];

function png(width: number, height: number): Buffer {
  const bytes = PNG.sync.write(new PNG({ width: 8, height: 8 }));
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes;
}

function jpegOf(width: number, height: number): Buffer {
  const bytes = Buffer.from(jpeg.encode({ data: Buffer.alloc(8 * 8 * 4), width: 8, height: 8 }, 90).data);
  const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
  bytes.writeUInt16BE(height, frame + 5);
  bytes.writeUInt16BE(width, frame + 7);
  return bytes;
}

/** A header that promises a terabyte. */
function npy(): Buffer {
  const header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 400000, 400000), }".padEnd(117);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'), Buffer.from(`${header}\n`)]);
}

async function put(name: string, content: Uint8Array): Promise<string> {
  const path = join(world.root, name);
  await writeFile(path, content);
  return path;
}

function encrypting(path: () => Promise<string> | string, session_dir?: () => string): () => Promise<Answer> {
  return async () =>
    local('fhe_encrypt', {
      client_id: 'agent',
      image_path: await path(),
      session_dir: session_dir?.() ?? join(world.root, 'out'),
    });
}

async function link(name: string, target: string): Promise<string> {
  const path = join(world.root, name);
  await symlink(target, path);
  return path;
}

const LOCAL: readonly (readonly [what: string, code: ErrorCode, attack: () => Promise<Answer>])[] = [
  ['a file outside', 'ERROR_PATH_REFUSED', encrypting(() => '/etc/passwd.png')],
  ['a way up and out', 'ERROR_PATH_REFUSED', encrypting(() => `${world.root}/../../../etc/x.png`)],
  ['a link that leads out', 'ERROR_PATH_REFUSED', encrypting(() => link('link.png', '/etc/passwd'))],
  ['a link to nowhere', 'ERROR_PATH_REFUSED', encrypting(() => link('loose.png', '/nowhere/at/all'))],
  [
    'a link to itself',
    'ERROR_PATH_REFUSED',
    encrypting(() => link('loop.png', join(world.root, 'loop.png'))),
  ],
  ['a NUL in a path', 'ERROR_PATH_REFUSED', encrypting(() => `${world.root}/3-0.png\0.png`)],
  ['a relative path', 'ERROR_PATH_REFUSED', encrypting(() => '3-0.png')],
  [
    'a folder outside',
    'ERROR_PATH_REFUSED',
    encrypting(
      () => join(world.root, '3-0.png'),
      () => tmpdir(),
    ),
  ],
  [
    'a folder of the key store',
    'ERROR_PATH_REFUSED',
    encrypting(
      () => join(world.root, '3-0.png'),
      () => join(world.store, 'keys'),
    ),
  ],
  [
    'a folder behind a link',
    'ERROR_PATH_REFUSED',
    async () => {
      const path = await link('exit', tmpdir());
      return encrypting(
        () => join(world.root, '3-0.png'),
        () => join(path, 'made'),
      )();
    },
  ],
  [
    'a result outside',
    'ERROR_PATH_REFUSED',
    () => local('fhe_decrypt', { client_id: 'agent', encrypted_logit_path: '/etc/passwd' }),
  ],
  [
    'an artifact outside',
    'ERROR_PATH_REFUSED',
    () => local('fhe_keygen', { client_id: 'agent', artifact_path: '/etc/passwd' }),
  ],
  [
    'a PNG of a thousand million pixels',
    'ERROR_INVALID_INPUT',
    encrypting(() => put('bomb.png', png(32_000, 32_000))),
  ],
  [
    'a JPEG of four thousand million pixels',
    'ERROR_INVALID_INPUT',
    encrypting(() => put('bomb.jpg', jpegOf(65_500, 65_500))),
  ],
  ['an array of a terabyte', 'ERROR_INVALID_INPUT', encrypting(() => put('bomb.npy', npy()))],
  [
    'a folder for a picture',
    'ERROR_INVALID_INPUT',
    encrypting(async () => {
      await mkdir(join(world.root, 'folder.png'));
      return join(world.root, 'folder.png');
    }),
  ],
  ['text for a picture', 'ERROR_INVALID_INPUT', encrypting(() => put('text.png', Buffer.from('no picture')))],
  [
    'a result that inflates to far more',
    'ERROR_INVALID_CIPHERTEXT',
    async () => {
      const content = encodeCiphertextSet({ ...firstCiphertext(packedBomb), keySet: localKeySet });
      return local('fhe_decrypt', {
        client_id: 'agent',
        encrypted_logit_path: await put('bomb.bin', content),
      });
    },
  ],
  [
    'the keys of another client',
    'ERROR_UNKNOWN_KEY',
    () => local('fhe_delete_keys', { client_id: 'other', key_set: localKeySet }),
  ],
  [
    'parameters weaker than they say',
    'ERROR_WEAK_PARAMETERS',
    async () => {
      const signature = encodeSignature(world.model.artifact.signature);
      const weak = { ...signature, parameters: { ...signature.parameters, securityLevel: 256 } };
      const path = await put('weak.json', Buffer.from(JSON.stringify(weak)));
      return local('fhe_keygen', { client_id: 'agent', signature_path: path });
    },
  ],
  [
    'a server that nobody named',
    'ERROR_REMOTE',
    () => local('fhe_classify_file', { image_path: join(world.root, '3-0.png'), server: 'http://10.0.0.1' }),
  ],
];

function expectHelpful(answer: Answer, code: ErrorCode, secrets: readonly string[]): void {
  expect(answer).toMatchObject({ ok: false, error_code: code, hint: ERROR_TABLE[code].hint });
  expect((answer['message'] as string).length).toBeGreaterThan(8);
  expect(answer).toMatchObject({ noise_budget_remaining: null, requires_decryption: false });
  const text = JSON.stringify(answer);
  for (const each of secrets) expect(text).not.toContain(each);
  expect(text).not.toMatch(/node:internal|\.ts:\d+/);
}

describe('the inference server refuses', () => {
  it.each(REMOTE)('%s: %s', async (_what, code, attack) => {
    const answer = await attack();
    const secrets = [
      owner.token!,
      neighbour.token!,
      main.state,
      Buffer.from(secret.secretKey.subarray(512, 560)).toString('base64'),
    ];
    expectHelpful(answer, code, secrets);
    expect(await owner.callAs('get_key_status', { key_ref: ownersKey })).toMatchObject({
      ok: true,
      state: 'active',
    });
  });

  it('nothing of a good request, after all of that', async () => {
    const answer = await owner.callAs('remote_inference_cnn', { session_id: 'good' });
    expect(answer).toMatchObject({ ok: true, status: 'done' });
  });
});

describe('the local server refuses', () => {
  it.each(LOCAL)('%s: %s', async (_what, code, attack) => {
    expectHelpful(await attack(), code, [world.token, world.store, 'root:']);
    expect(await local('fhe_list_keys', { client_id: 'agent' })).toMatchObject({
      key_sets: [{ key_set: localKeySet }],
    });
  });

  it('nothing of a good request, after all of that', async () => {
    expect(await encrypting(() => join(world.root, '3-0.png'))()).toMatchObject({ ok: true });
  });
});

describe('over HTTP, before any tool', () => {
  const statusOf = (
    url: string,
    headers: Record<string, string>,
    body: string,
  ): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const sent = request(
        url,
        { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers } },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  const LIST = JSON.stringify({ jsonrpc: '2.0', id: '1', method: 'tools/list' });

  it.each([
    ['a foreign Origin', 403, { Origin: 'https://evil.example' }, LIST],
    ['a foreign Host', 403, { Host: 'evil.example' }, LIST],
    ['the Host of a rebound name', 403, { Host: '127.0.0.1.evil.example' }, LIST],
    ['an unknown token', 401, { Authorization: 'Bearer no-token-of-anyone-here' }, LIST],
    ['a compressed body', 415, { 'Content-Encoding': 'gzip' }, LIST],
    ['another type', 415, { 'Content-Type': 'text/plain' }, LIST],
    ['no JSON', 400, {}, '{"jsonrpc":'],
    ['JSON too deep for a stack', 400, {}, `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['a body too large', 413, {}, ' '.repeat(44 * MIB)],
  ] as const)('%s is refused by both servers: %i', async (_what, status, headers, body) => {
    expect(await statusOf(main.url, headers, body)).toBe(status);
    const Authorization = `Bearer ${world.token}`;
    expect(await statusOf(world.localUrl, { Authorization, ...headers }, body)).toBe(status);
    expect(await owner.callAs('get_key_status')).toMatchObject({ ok: true });
    expect(await local('fhe_list_servers', {})).toMatchObject({ ok: true });
  });

  it('the local server takes nothing without its token: 401', async () => {
    expect(await statusOf(world.localUrl, {}, LIST)).toBe(401);
  });
});
