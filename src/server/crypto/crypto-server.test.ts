/** The local server as agents see it: real tool calls over loopback HTTP, against a real remote server. */
import { createHash, verify } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as ClientOfV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportOfV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseSecretKey } from '../../runtime/formats/secret-key.ts';
import { parametersDigest } from '../../runtime/formats/parameters-digest.ts';
import type { Connection } from '../client/connection.ts';
import * as library from '../client/index.ts';
import { ConnectionFailure } from '../client/connection.ts';
import { canonicalJson } from '../protocol/canonical-json.ts';
import { decodePublicKey } from '../protocol/signing.ts';
import type { Answer, Caller } from '../testing/protocol-client.ts';
import { ProtocolClient } from '../testing/protocol-client.ts';
import * as secretLibrary from './index.ts';
import type { KeyManifest } from './key-manifest.ts';
import type { LocalWorld } from './testing/local-world.ts';
import { openLocalWorld } from './testing/local-world.ts';

let world: LocalWorld;
let agent: Client;
beforeAll(async () => {
  world = await openLocalWorld();
  agent = new Client({ name: 'agent', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await agent.connect(new StreamableHTTPClientTransport(new URL(world.localUrl), bearer(world.token)));
}, 120_000);
afterAll(async () => {
  await agent.close();
  await world[Symbol.asyncDispose]();
});
afterEach(() => {
  world.network.wrap = (connection) => connection;
});

function bearer(token: string): { requestInit: RequestInit } {
  return { requestInit: { headers: { Authorization: `Bearer ${token}` } } };
}

async function call(name: string, args: Record<string, unknown>, options = {}): Promise<Answer> {
  const result = await agent.callTool({ name, arguments: args }, { timeout: 60_000, ...options });
  const answer = result.structuredContent as Answer;
  expect((result.content as { text: string }[])[0]?.text).toBe(JSON.stringify(answer));
  expect(result.isError === true).toBe(!answer.ok);
  return answer;
}

function image(name: string): string {
  return join(world.root, `${name}.png`);
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

describe('fhe_classify_file', () => {
  it('classifies a file with a named server in one call, with progress', async () => {
    const heard: number[] = [];
    const onprogress = ({ progress }: { progress: number }): void => void heard.push(progress);
    const answer = await call(
      'fhe_classify_file',
      { image_path: image('3-0'), server: 'digits', top_k: 3 },
      { onprogress },
    );
    expect(answer).toMatchObject({
      ok: true,
      class: { index: 3 },
      model: 'digits-square',
      shape: [1, 10],
      scheme: 'CKKS',
      requires_decryption: false,
      computation_depth_used: 3,
    });
    expect(answer['top_k']).toHaveLength(3);
    expect(heard.length).toBeGreaterThan(5);
    expect(heard).toEqual([...heard].sort((a, b) => a - b));
    expect(heard.at(-1)).toBe(100);
  });

  it('makes and sends keys only once, and leaves no ciphertexts behind', async () => {
    const answer = await call('fhe_classify_file', { image_path: image('7-1') });
    expect(answer).toMatchObject({ ok: true, class: { index: 7 }, bytes: { evaluation_keys_sent: 0 } });
    const sets = await call('fhe_list_keys', {});
    expect(sets['key_sets']).toHaveLength(1);
    expect(await filesBelow(world.sessions)).toEqual([]);
  });

  it('knows only the servers that the user named', async () => {
    const servers = await call('fhe_list_servers', {});
    expect(servers['servers']).toEqual([{ name: 'digits', address: world.remoteUrl }]);
    for (const server of ['other', 'http://127.0.0.1:1', world.remoteUrl]) {
      const answer = await call('fhe_classify_file', { image_path: image('7-1'), server });
      expect(answer).toMatchObject({ ok: false, error_code: 'ERROR_REMOTE' });
    }
  });

  it('goes on where it stopped, with the same ciphertexts and only the chunks that are missing', async () => {
    const session_id = 'resumed';
    const sent: string[] = [];
    const recording =
      (limit: number) =>
      (connection: Connection): Connection => ({
        settings: connection.settings,
        call: async (tool, args, meta, options) => {
          if (tool === 'upload_ciphertext_chunk') {
            if (sent.length >= limit) throw new ConnectionFailure('the network is gone', true);
            sent.push(`${String(args['chunk_index'])} ${String(args['chunk_sha256'])}`);
          }
          return connection.call(tool, args, meta, options);
        },
        [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
      });
    world.network.wrap = recording(2);
    const args = { image_path: image('3-0'), session_id };
    const broken = await call('fhe_classify_file', args);
    expect(broken).toMatchObject({
      ok: false,
      error_code: 'ERROR_REMOTE',
      message: expect.stringContaining(session_id) as string,
    });
    const other = await call('fhe_classify_file', { ...args, image_path: image('7-1') });
    expect(other).toMatchObject({ ok: false, error_code: 'ERROR_SESSION_CLOSED' });
    const [encrypted] = (await filesBelow(world.sessions)).filter((path) => path.endsWith('.hect'));
    const content = await readFile(encrypted!);
    world.network.wrap = recording(Infinity);
    expect(await call('fhe_classify_file', args)).toMatchObject({
      ok: true,
      class: { index: 3 },
      session_id,
    });
    const expected = Array.from({ length: Math.ceil(content.length / 2 ** 16) }, (_, i) => {
      const chunk = content.subarray(i * 2 ** 16, (i + 1) * 2 ** 16);
      return `${i} ${createHash('sha256').update(chunk).digest('hex')}`;
    });
    expect(expected.length).toBeGreaterThan(3);
    expect(sent.sort()).toEqual(expected.sort());
  });

  it('gets through a network that breaks at every third call', async () => {
    let calls = 0;
    world.network.wrap = (connection) => ({
      settings: connection.settings,
      call: async (tool, args, meta, options) => {
        const answer = await connection.call(tool, args, meta, options);
        // The server has done its part; only the answer is lost.
        if (++calls % 3 === 0) throw new ConnectionFailure('the answer was lost', false);
        return answer;
      },
      [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
    });
    expect(await call('fhe_classify_file', { image_path: image('7-1') })).toMatchObject({
      ok: true,
      class: { index: 7 },
    });
    expect(calls).toBeGreaterThan(5);
  });

  it('waits for an evaluation whose connection broke by asking how far it is', async () => {
    const asked: string[] = [];
    let broken = false;
    world.network.wrap = (connection) => ({
      settings: connection.settings,
      call: async (tool, args, meta, options) => {
        asked.push(args['async'] === true ? `${tool} async` : tool);
        if (tool === 'remote_inference_cnn' && !broken) {
          broken = true;
          throw new ConnectionFailure('the connection broke', false);
        }
        return connection.call(tool, args, meta, options);
      },
      [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
    });
    expect(await call('fhe_classify_file', { image_path: image('3-0') })).toMatchObject({
      ok: true,
      class: { index: 3 },
    });
    const from = asked.indexOf('remote_inference_cnn');
    expect(asked.slice(from, from + 3)).toEqual([
      'remote_inference_cnn',
      'remote_inference_cnn async',
      'get_session_status',
    ]);
  });

  it('goes on when the caller is gone, and whoever calls again has the answer', async () => {
    const controller = new AbortController();
    world.network.wrap = (connection) => ({
      settings: connection.settings,
      call: (tool, args, meta, options) => {
        if (tool === 'remote_inference_cnn') controller.abort();
        return connection.call(tool, args, meta, options);
      },
      [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
    });
    const args = { image_path: image('3-0'), session_id: 'left' };
    await expect(call('fhe_classify_file', args, { signal: controller.signal })).rejects.toThrow();
    world.network.wrap = (connection) => connection;
    expect(await call('fhe_classify_file', args)).toMatchObject({ ok: true, class: { index: 3 } });
  });

  it('makes new keys when the old ones were revoked', async () => {
    const before = await call('fhe_classify_file', { image_path: image('3-0') });
    const keys = world.remote.services.keys;
    await keys.revoke(before['client_id'] as string, before['key_ref'] as string);
    const after = await call('fhe_classify_file', { image_path: image('3-0') });
    expect(after).toMatchObject({ ok: true, class: { index: 3 } });
    expect(after['key_set']).not.toBe(before['key_set']);
  });
});

describe('calls that give up', () => {
  const countingCalls =
    (counts: Map<string, number>, delayMs = 0): ((connection: Connection) => Connection) =>
    (connection) => ({
      settings: connection.settings,
      call: async (tool, args, meta, options) => {
        counts.set(tool, (counts.get(tool) ?? 0) + 1);
        if (tool === 'remote_inference_cnn' && delayMs > 0)
          await setTimeout(delayMs, undefined, { signal: options?.signal });
        return connection.call(tool, args, meta, options);
      },
      [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
    });
  const keySetsOf = async (client_id: string): Promise<unknown[]> =>
    (await call('fhe_list_keys', { client_id }))['key_sets'] as unknown[];
  /** Of the generation whose calls are cancelled by a message. */
  const connectV1 = async (): Promise<ClientOfV1> => {
    const client = new ClientOfV1({ name: 'host', version: '1' });
    await client.connect(new TransportOfV1(new URL(world.localUrl), bearer(world.token)));
    return client;
  };

  it.each([1000, 5000])(
    'after %i ms get their answer by asking again, and make keys once',
    async (timeout) => {
      const client_id = `host-${timeout}`;
      const counts = new Map<string, number>();
      world.network.wrap = countingCalls(counts, 1.5 * timeout);
      const host = await connectV1();
      let answer: Answer | null = null;
      let attempts = 0;
      while (answer === null && attempts < 50) {
        attempts++;
        const args = { image_path: image('3-0'), client_id };
        answer = await host
          .callTool({ name: 'fhe_classify_file', arguments: args }, undefined, { timeout })
          .then(
            ({ structuredContent }) => structuredContent as Answer,
            (error: unknown) => {
              expect(String(error)).toContain('timed out');
              return null;
            },
          );
      }
      expect(answer).toMatchObject({ ok: true, class: { index: 3 } });
      expect(attempts).toBeGreaterThan(1);
      expect(await keySetsOf(client_id)).toHaveLength(1);
      expect(counts.get('remote_inference_cnn')).toBe(1);
      await host.close();
    },
    60_000,
  );

  it('three first calls at once: one identity, one key set, three answers', async () => {
    const client_id = 'three-at-once';
    const answers = await Promise.all(
      ['3-0', '7-1', '3-0'].map((name) => call('fhe_classify_file', { image_path: image(name), client_id })),
    );
    expect(answers.map((answer) => (answer['class'] as { index: number }).index)).toEqual([3, 7, 3]);
    expect(new Set(answers.map((answer) => answer['key_set'])).size).toBe(1);
    expect(await keySetsOf(client_id)).toHaveLength(1);
  });

  it('may be begun in the background, looked at, and fetched', async () => {
    const args = { image_path: image('7-1') };
    const begun = await call('fhe_start_classification', args);
    expect(begun).toMatchObject({ ok: true, state: 'running' });
    const session_id = begun['session_id'] as string;
    const again = await call('fhe_start_classification', args);
    expect(again['session_id']).toBe(session_id);
    const stateOf = async (): Promise<unknown> =>
      ((await call('fhe_session_status', { session_id }))['sessions'] as { state: string }[])[0]!.state;
    await expect.poll(stateOf, { timeout: 20_000 }).toBe('done');
    const answer = await call('fhe_classify_file', { ...args, session_id });
    expect(answer).toMatchObject({ ok: true, class: { index: 7 }, session_id });
    expect(await call('fhe_session_status', { session_id })).toMatchObject({
      error_code: 'ERROR_UNKNOWN_SESSION',
    });
  });

  it('are told the session before the work begins', async () => {
    const heard: string[] = [];
    await call(
      'fhe_classify_file',
      { image_path: image('3-0'), session_id: 'told' },
      { onprogress: ({ message }: { message?: string }) => void heard.push(message ?? '') },
    );
    expect(heard[0]).toBe('session_id told');
  });

  it('stop at once when they are cancelled, by a message or by the tool, and can be resumed', async () => {
    const counts = new Map<string, number>();
    world.network.wrap = countingCalls(counts, 60_000);
    const host = await connectV1();
    const args = { image_path: image('3-0'), session_id: 'cancelled' };
    const running = async (): Promise<number> =>
      ((await call('fhe_session_status', {}))['sessions'] as unknown[]).length;
    const reached = (): number | undefined => counts.get('remote_inference_cnn');

    const controller = new AbortController();
    const options = { signal: controller.signal };
    const cancelled = host.callTool({ name: 'fhe_classify_file', arguments: args }, undefined, options);
    const failed = expect(cancelled).rejects.toThrow();
    await expect.poll(reached, { timeout: 20_000 }).toBe(1);
    controller.abort('the user has thought better of it');
    await failed;
    await expect.poll(running, { timeout: 1000 }).toBe(0);

    const begun = await call('fhe_start_classification', args);
    expect(begun).toMatchObject({ ok: true, state: 'running' });
    await expect.poll(reached, { timeout: 20_000 }).toBe(2);
    const cancel = (): Promise<Answer> => call('fhe_cancel_session', { session_id: 'cancelled' });
    expect(await cancel()).toMatchObject({ ok: true, stopped: true });
    expect(await cancel()).toMatchObject({ ok: true, stopped: false });

    world.network.wrap = (connection) => connection;
    expect(await call('fhe_classify_file', args)).toMatchObject({ ok: true, class: { index: 3 } });
    await host.close();
  }, 60_000);

  it('a session at work on one file takes no other', async () => {
    world.network.wrap = countingCalls(new Map(), 60_000);
    const session_id = 'taken';
    await call('fhe_start_classification', { image_path: image('3-0'), session_id });
    expect(await call('fhe_start_classification', { image_path: image('7-1'), session_id })).toMatchObject({
      error_code: 'ERROR_SESSION_CLOSED',
    });
    await call('fhe_cancel_session', { session_id });
  });
});

describe('the library', () => {
  it('does the same without servers of its own', async () => {
    const { services, remoteUrl, sessions } = world;
    const address = library.parseServerAddress(remoteUrl);
    await using remote = await library.RemoteServer.open({
      clientId: 'library',
      server: library.serverName(address),
      connect: (signal) => library.connect(address, { signal }),
      credentials: services.credentials,
    });
    const local = new secretLibrary.LocalCryptographyOfServices(services, 'library');
    const folder = new library.SessionFolder(join(sessions, 'library'));
    const stages = new Set<string>();
    const inference = new library.EncryptedInference(local, remote, folder);
    const outcome = await inference.run({ inputs: [image('7-1')] }, undefined, (_whole, stage) =>
      stages.add(stage),
    );
    expect(outcome.result.winner).toBe(7);
    expect([...stages].sort()).toEqual([
      'decrypt',
      'encrypt',
      'evaluate',
      'keys',
      'model',
      'provision',
      'upload',
    ]);
    await remote.revokeKeys(outcome.keyRef);
    expect((await world.remote.services.keys.get('library', outcome.keyRef)).state).toBe('revoked');
  });
});

describe('single steps', () => {
  const client_id = 'stepwise';
  let sessionDir: string;
  let encryptedResult: string;
  let keySet: string;

  it('lead from keys to a decrypted answer, with a v1 client', async () => {
    const local = new ClientOfV1({ name: 'agent', version: '1' });
    await local.connect(new TransportOfV1(new URL(world.localUrl), bearer(world.token)));
    const step = async (name: string, args: Record<string, unknown>): Promise<Answer> =>
      (await local.callTool({ name, arguments: args })).structuredContent as Answer;
    const remote = new ClientOfV1({ name: 'agent', version: '1' });
    await remote.connect(new TransportOfV1(new URL(world.remoteUrl)));
    const caller: Caller = (params) => remote.callTool(params);
    const protocol = new ProtocolClient(client_id, caller, remote.getServerCapabilities());
    await protocol.enrol();

    const description = await protocol.call('describe_model', { include_signature: true });
    const signature_path = join(world.root, 'description.json');
    await writeFile(signature_path, JSON.stringify(description));
    const keys = await step('fhe_keygen', { client_id, signature_path });
    expect(keys).toMatchObject({
      ok: true,
      model: 'digits-square',
      algorithm_id: description['algorithm_id'],
    });
    keySet = keys['key_set'] as string;
    const { path } = (keys['files'] as { path: string }[])[0]!;
    await protocol.provision(await readFile(path));

    sessionDir = join(world.root, 'session_1');
    const encrypted = await step('fhe_encrypt', {
      client_id,
      image_path: image('7-1'),
      session_dir: sessionDir,
    });
    expect(encrypted).toMatchObject({ ok: true, input_packing_format: description['input_packing_format'] });
    const [input] = encrypted['files'] as { path: string; sha256: string; bytes: number }[];
    const content = await readFile(input!.path);
    expect([content.length, createHash('sha256').update(content).digest('hex')]).toEqual([
      input!.bytes,
      input!.sha256,
    ]);
    await protocol.upload('session_1', content);
    const answer = await protocol.callAs('remote_inference_cnn', { session_id: 'session_1' });

    // Larger than what this server answers inline.
    expect(answer).not.toHaveProperty('encrypted_logit_b64');
    const chunks: Buffer[] = [];
    for (let chunk_index = 0; chunk_index < (answer['result_chunks'] as number); chunk_index++) {
      const chunk = await protocol.callAs('get_inference_result', { session_id: 'session_1', chunk_index });
      chunks.push(Buffer.from(chunk['chunk_b64'] as string, 'base64'));
    }
    expect(chunks.length).toBeGreaterThan(1);
    encryptedResult = join(sessionDir, 'enc_logit.bin');
    await writeFile(encryptedResult, Buffer.concat(chunks));
    const result = await step('fhe_decrypt', { client_id, encrypted_logit_path: encryptedResult, top_k: 2 });
    expect(result).toMatchObject({ ok: true, class: { index: 7 }, shape: [1, 10], key_set: keySet });
    await Promise.all([local.close(), remote.close()]);
  });

  it('round what they decrypt to the certified precision', async () => {
    const { logits, precision_bits } = await call('fhe_decrypt', {
      client_id,
      encrypted_logit_path: encryptedResult,
    });
    const { bound } = world.model.artifact.signature.outputs[0]!;
    const step = 2 ** Math.floor(Math.log2(bound) + 1 - (precision_bits as number));
    for (const logit of logits as number[]) expect(Number.isInteger(logit / step)).toBe(true);
  });

  it('sign the manifest of the keys with the key that enrols', async () => {
    const [path] = (await filesBelow(join(world.store, 'keys', client_id))).filter((name) =>
      name.endsWith('manifest.json'),
    );
    const { signature, ...facts } = JSON.parse(await readFile(path!, 'utf8')) as KeyManifest;
    const identity = await world.services.credentials.identity(client_id);
    expect(facts.public_key).toBe(identity.publicKey);
    const bytes = (document: object): Buffer => Buffer.from(canonicalJson(document));
    const genuine = (document: object): boolean =>
      verify(null, bytes(document), decodePublicKey(facts.public_key), Buffer.from(signature, 'base64'));
    expect(genuine(facts)).toBe(true);
    expect(genuine({ ...facts, client_id: 'other' })).toBe(false);
  });

  it('return the ciphertexts of an ordinary input inline, where that is asked for', async () => {
    const args = { client_id, image_path: image('7-1'), session_dir: sessionDir, inline: true };
    const answer = await call('fhe_encrypt', args);
    const [written] = answer['files'] as { path: string }[];
    const file = await readFile(written!.path);
    expect(Buffer.from(answer['encrypted_payload'] as string, 'base64').equals(file)).toBe(true);
    const { encrypted_payload: none } = await call('fhe_encrypt', { ...args, inline: false });
    expect(none).toBeUndefined();
  });

  it('take keys of their own client only', async () => {
    const other = { client_id: 'somebody-else', encrypted_logit_path: encryptedResult };
    for (const args of [other, { ...other, key_set: keySet }]) {
      expect(await call('fhe_decrypt', args)).toMatchObject({ ok: false, error_code: 'ERROR_UNKNOWN_KEY' });
    }
    const encrypt = { client_id: 'somebody-else', image_path: image('7-1'), session_dir: sessionDir };
    expect(await call('fhe_encrypt', encrypt)).toMatchObject({ ok: false, error_code: 'ERROR_UNKNOWN_KEY' });
    expect(await call('fhe_delete_keys', { client_id: 'somebody-else', key_set: keySet })).toMatchObject({
      ok: false,
    });
  });

  it.each([
    ['image_path', 'fhe_encrypt', { image_path: '/etc/passwd.png' }],
    ['session_dir', 'fhe_encrypt', { session_dir: '/tmp' }],
    ['session_dir of the key store', 'fhe_encrypt', { session_dir: 'STORE' }],
    ['encrypted_logit_path', 'fhe_decrypt', { encrypted_logit_path: '/etc/passwd' }],
    ['encrypted_logit_path of the key store', 'fhe_decrypt', { encrypted_logit_path: 'STORE/vault.json' }],
    ['artifact_path', 'fhe_keygen', { artifact_path: '/etc/passwd' }],
    ['signature_path', 'fhe_keygen', { signature_path: '/etc/passwd' }],
  ])('refuse a %s outside of the allowed folders', async (_what, tool, change) => {
    const base =
      tool === 'fhe_encrypt'
        ? { client_id, image_path: image('7-1'), session_dir: sessionDir }
        : { client_id };
    const text = JSON.stringify({ ...base, ...change }).replace('STORE', world.store);
    const answer = await call(tool, JSON.parse(text) as Record<string, unknown>);
    expect(answer).toMatchObject({ ok: false, error_code: 'ERROR_PATH_REFUSED' });
    expect(answer['message']).not.toContain('root:');
  });

  it('refuse what is damaged, with a code', async () => {
    const damaged = join(sessionDir, 'damaged.bin');
    const result = await readFile(encryptedResult);
    const tampered = Buffer.from(result);
    tampered[tampered.length >> 1]! ^= 1;
    for (const content of [tampered, result.subarray(0, 100), Buffer.alloc(0), Buffer.from('text')]) {
      await writeFile(damaged, content);
      const answer = await call('fhe_decrypt', { client_id, encrypted_logit_path: damaged });
      expect(answer).toMatchObject({ ok: false, error_code: 'ERROR_INVALID_CIPHERTEXT' });
    }
    const weak = join(world.root, 'weak.json');
    const document = JSON.parse(await readFile(join(world.root, 'description.json'), 'utf8')) as {
      signature: { parameters: { securityLevel: number } };
    };
    document.signature.parameters.securityLevel = 256;
    await writeFile(weak, JSON.stringify(document));
    const refused = { ok: false, error_code: 'ERROR_WEAK_PARAMETERS' };
    expect(await call('fhe_keygen', { client_id, signature_path: weak })).toMatchObject(refused);
    await writeFile(weak, '{"signature": 5, "batch_size": 1}');
    expect(await call('fhe_keygen', { client_id, signature_path: weak })).toMatchObject({
      error_code: 'ERROR_INVALID_INPUT',
    });
  });

  it('delete keys for good', async () => {
    expect(await call('fhe_delete_keys', { client_id, key_set: keySet })).toMatchObject({ ok: true });
    const answer = await call('fhe_decrypt', { client_id, encrypted_logit_path: encryptedResult });
    expect(answer).toMatchObject({ ok: false, error_code: 'ERROR_UNKNOWN_KEY' });
    expect((await filesBelow(join(world.store, 'keys', client_id))).length).toBe(0);
  });
});

describe('at rest', () => {
  it('no file of either server holds a secret key, a signing key or a token; all are for their owner only', async () => {
    const { keys, credentials, defaultClientId } = world.services;
    const stored = await keys.get({ clientId: defaultClientId });
    const { parameters } = stored.signature;
    const setting = { scheme: 'ckks' as const, parametersDigest: parametersDigest(parameters) };
    const { bytes } = parseSecretKey(await keys.secretKey(stored), setting);
    const identity = await credentials.identity(defaultClientId);
    const enrolment = await credentials.enrolment(defaultClientId, world.remoteUrl);
    const secrets = [
      Buffer.from(bytes.subarray(bytes.length >> 1, (bytes.length >> 1) + 24)),
      identity.privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32),
      Buffer.from(enrolment!.authToken),
      Buffer.from('BEGIN PRIVATE KEY'),
    ];
    const planted = join(world.store, 'planted');
    await writeFile(planted, Buffer.concat([Buffer.from('x'), ...secrets]), { mode: 0o600 });
    const findings: string[] = [];
    for (const path of [...(await filesBelow(world.store)), ...(await filesBelow(world.remoteState))]) {
      const content = await readFile(path);
      const own = path.startsWith(world.remoteState) && path.endsWith('server-key.pem');
      secrets.forEach((secret, i) => {
        if (content.includes(secret) && !own) findings.push(`${i} in ${path}`);
      });
      if (path.startsWith(world.store)) expect((await stat(path)).mode & 0o077, path).toBe(0);
    }
    // What was planted is found, and nothing else.
    expect(findings).toEqual(secrets.map((_, i) => `${i} in ${planted}`));
  });
});

describe('the listener', () => {
  it('refuses every address but loopback', async () => {
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.org']) {
      await expect(world.local.listenHttp({ host, port: 0 }, world.token)).rejects.toMatchObject({
        code: 'LOOPBACK_ONLY',
      });
    }
  });

  it('has the prompt that tells an agent how to ask, and names its servers in it; no resources', async () => {
    const client = new Client({ name: 'host', version: '1' });
    await client.connect(
      new StreamableHTTPClientTransport(new URL(world.localUrl), {
        requestInit: { headers: { Authorization: `Bearer ${world.token}` } },
      }),
    );
    expect((await client.listPrompts()).prompts.map(({ name }) => name)).toEqual(['ask_privately']);
    const ref = { type: 'ref/prompt' as const, name: 'ask_privately' };
    const { completion } = await client.complete({ ref, argument: { name: 'server', value: '' } });
    const { structuredContent } = await client.callTool({ name: 'fhe_list_servers', arguments: {} });
    const { servers } = structuredContent as { servers: { name: string }[] };
    expect(completion.values).toEqual(servers.map(({ name }) => name));
    expect(completion.values.length).toBeGreaterThan(0);
    expect(client.getServerCapabilities()).not.toHaveProperty('resources');
    await client.close();
  });

  it('takes no call without its token, nor from web pages', async () => {
    const statusOf = (headers: Record<string, string>): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const sent = request(
          world.localUrl,
          { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers } },
          (response) => {
            response.resume();
            resolve(response.statusCode);
          },
        );
        sent.on('error', reject);
        sent.end(JSON.stringify({ jsonrpc: '2.0', id: '1', method: 'tools/list' }));
      });
    const Authorization = `Bearer ${world.token}`;
    expect(await statusOf({})).toBe(401);
    expect(await statusOf({ Authorization: `${Authorization}x` })).toBe(401);
    expect(await statusOf({ Authorization, Host: 'evil.example' })).toBe(403);
    expect(await statusOf({ Authorization, Origin: 'https://evil.example' })).toBe(403);
    expect(await statusOf({ Authorization })).not.toBe(401);
  });
});
