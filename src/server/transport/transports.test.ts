/** Transports by themselves: stdio as a host starts it, TLS, addresses, and cancellation that reaches the evaluation. */
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client as ClientV2, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SecretClient } from '../../runtime/client/secret-client.ts';
import { encodeCiphertextSet, parseCiphertextSet } from '../../runtime/formats/ciphertext-set.ts';
import { encodeEvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { DEFAULT_LIMITS } from '../inference/configuration.ts';
import type { TestServer } from '../testing/open-test-server.ts';
import { onCluster, openTestServer } from '../testing/open-test-server.ts';
import { SILENT_LOG } from '../hosting/log.ts';
import { SIGNATURE_META } from '../protocol/extension.ts';
import { signRequest } from '../protocol/signing.ts';
import { TLS_CERTIFICATE, TLS_KEY } from '../testing/certificates.ts';
import type { Caller } from '../testing/protocol-client.ts';
import { ProtocolClient } from '../testing/protocol-client.ts';
import type { TestModel } from '../testing/served-model.ts';
import { compileFixture, digit } from '../testing/served-model.ts';
import { isLoopback, parseListenAddress } from './listen-address.ts';

const ENTRY = join(import.meta.dirname, '../../../cli/testing/start.ts');

let model: TestModel;
let state: string;
let secret: SecretClient;
let keys: Uint8Array;

beforeAll(async () => {
  model = await compileFixture('digits-square');
  state = await mkdtemp(join(tmpdir(), 'he-compile-state-'));
  secret = await SecretClient.generate(model.artifact.signature);
  keys = encodeEvaluationKeys(await secret.makeEvaluationKeys());
});

afterAll(async () => {
  await secret[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
  await rm(state, { recursive: true, force: true });
});

async function openServer(name: string): Promise<TestServer> {
  const configuration = {
    stateFolder: join(state, name),
    limits: DEFAULT_LIMITS,
    enrolment: { open: true, unsigned: false, authorities: [] },
    threads: 1,
  };
  return openTestServer([model.file], configuration, '0.0.0-test', SILENT_LOG);
}

const FRONT = { sse: false, allowedHosts: [], allowedOrigins: [], requireBearer: false };

it('stdio: a host starts the server, and classifies', async () => {
  const client = new ClientV1({ name: 'host', version: '1' });
  const args = [ENTRY, 'serve', model.file, '--stdio', '--state', join(state, 'stdio'), '--threads', '1'];
  await client.connect(new StdioClientTransport({ command: process.execPath, args, stderr: 'ignore' }));
  const caller: Caller = (params) => client.callTool(params);
  const protocol = new ProtocolClient('host', caller, client.getServerCapabilities());
  await protocol.enrol();
  await protocol.provision(keys);
  await protocol.upload('s', encodeCiphertextSet(await secret.encrypt([await digit(model.artifact, '3-0')])));
  const answer = await protocol.callAs('remote_inference_cnn', { session_id: 's' });
  const [logits] = await secret.decrypt(
    parseCiphertextSet(Buffer.from(answer['encrypted_logit_b64'] as string, 'base64')),
  );
  expect(logits!.indexOf(Math.max(...logits!))).toBe(3);
  await client.close();
});

it('TLS: serves with the certificate given, and nothing without it', async () => {
  await using server = await openServer('tls');
  const tls = { certificate: TLS_CERTIFICATE, key: TLS_KEY };
  const { url } = await server.listenHttp({ ...FRONT, address: { host: '127.0.0.1', port: 0 }, tls });
  const get = (ca: string | undefined): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      request(new URL('/healthz', url), ca === undefined ? {} : { ca }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
  expect(await get(TLS_CERTIFICATE)).toBe(200);
  await expect(get(undefined)).rejects.toThrow('self-signed');
  await expect(fetch(url.replace('https:', 'http:'))).rejects.toThrow();
});

it('plaintext is refused on addresses that others can reach', async () => {
  await using server = await openServer('plain');
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.com']) {
    const listening = server.listenHttp({ ...FRONT, address: { host, port: 0 }, tls: null });
    await expect(listening).rejects.toMatchObject({ code: 'PLAINTEXT_REFUSED' });
  }
});

describe.each(['2025-11-25', '2026-07-28'])('cancelling a call of revision %s', (revision) => {
  it('stops the evaluation itself', async () => {
    await using server = await openServer(`cancel-${revision}`);
    const { url } = await server.listenHttp({ ...FRONT, address: { host: '127.0.0.1', port: 0 }, tls: null });
    const mode = revision === '2025-11-25' ? ('legacy' as const) : { pin: revision };
    const client = new ClientV2({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    const caller: Caller = (params) => client.callTool(params);
    const protocol = new ProtocolClient('c', caller, client.getServerCapabilities());
    await protocol.enrol();
    await protocol.provision(keys);
    await protocol.upload(
      's',
      encodeCiphertextSet(await secret.encrypt([await digit(model.artifact, '3-0')])),
    );
    // Loading the keys again takes long enough to be cancelled in.
    for (const pool of server.backstage.pools) await pool.drop();
    const args = { client_id: 'c', auth_token: protocol.token, session_id: 's' };
    const signed = signRequest(
      { tool: 'remote_inference_cnn', arguments: args },
      protocol.privateKey,
      protocol.audience,
    );
    const abort = new AbortController();
    const call = client.callTool(
      { name: 'remote_inference_cnn', arguments: args, _meta: { [SIGNATURE_META]: signed } },
      { signal: abort.signal },
    );
    const failed = call.catch(() => 'cancelled');
    await expect
      .poll(async () => (await protocol.callAs('get_session_status', { session_id: 's' }))['status'])
      .toBe('running');
    abort.abort();
    expect(await failed).toBe('cancelled');
    await expect
      .poll(async () => (await protocol.callAs('get_session_status', { session_id: 's' }))['status'])
      .toBe('cancelled');
    for (const pool of server.backstage.pools) expect(pool.size).toBe(0);
    await client.close();
  });

  // Of a cluster twice a second, which is longer than this takes.
  it.skipIf(onCluster)('and progress is told on the way', async () => {
    await using server = await openServer(`progress-${revision}`);
    const { url } = await server.listenHttp({ ...FRONT, address: { host: '127.0.0.1', port: 0 }, tls: null });
    const mode = revision === '2025-11-25' ? ('legacy' as const) : { pin: revision };
    const client = new ClientV2({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    const seen: number[] = [];
    const caller: Caller = (params) =>
      client.callTool(params, { onprogress: ({ progress }) => seen.push(progress) });
    const protocol = new ProtocolClient('p', caller, client.getServerCapabilities());
    await protocol.enrol();
    await protocol.provision(keys);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    await client.close();
  });
});

describe('listen addresses', () => {
  it('are read strictly', () => {
    expect(parseListenAddress('127.0.0.1:8443')).toEqual({ host: '127.0.0.1', port: 8443 });
    expect(parseListenAddress('[::1]:0')).toEqual({ host: '::1', port: 0 });
    for (const text of ['8443', 'localhost', '::1:80', 'a:70000', 'http://a:1', '']) {
      expect(() => parseListenAddress(text)).toThrow('is not an address');
    }
  });

  it.each([
    ['127.0.0.1', true],
    ['127.8.9.10', true],
    ['::1', true],
    ['0:0:0:0:0:0:0:1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['::ffff:192.0.2.1', false],
    ['localhost.example.com', false],
    ['128.0.0.1', false],
    ['2001:db8::1', false],
  ])('%s is loopback: %s', (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });
});
