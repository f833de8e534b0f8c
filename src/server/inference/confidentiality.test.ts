/**
 * Everything that travels between client and server, and everything the server writes, is kept and searched for what the server
 * must never see: secret key, pixels, logits. The search is shown to find each of them where it is planted.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { expect, it } from 'vitest';
import { decodeImage } from '../../data/decode-image.ts';
import { SecretClient } from '../../runtime/client/secret-client.ts';
import { parseSecretKey } from '../../runtime/formats/secret-key.ts';
import { parametersDigest } from '../../runtime/formats/parameters-digest.ts';
import { encodeCiphertextSet, parseCiphertextSet } from '../../runtime/formats/ciphertext-set.ts';
import { encodeEvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { Haystack, needlesOf, numberNeedles } from '../testing/byte-search.ts';
import type { Caller } from '../testing/protocol-client.ts';
import { ProtocolClient } from '../testing/protocol-client.ts';
import { compileFixture, digit } from '../testing/served-model.ts';
import { DEFAULT_LIMITS } from './configuration.ts';
import type { TestServer } from '../testing/open-test-server.ts';
import { openTestServer } from '../testing/open-test-server.ts';
import { jsonLog } from '../hosting/log.ts';

const PICTURE = join(import.meta.dirname, '../../../fixtures/samples/3-0.png');

it('no message, no file and no log holds a secret key, pixels, logits or a token', async () => {
  await using model = await compileFixture('digits-square');
  await using secret = await SecretClient.generate(model.artifact.signature);
  const state = await mkdtemp(join(tmpdir(), 'he-compile-state-'));
  const wire = new Haystack();
  const stored = new Haystack();
  const configuration = {
    stateFolder: state,
    limits: DEFAULT_LIMITS,
    enrolment: { open: true, unsigned: false, authorities: [] },
    threads: 1,
  };
  const log = jsonLog((line) => stored.add('log', line));
  const server = await openTestServer([model.file], configuration, '0.0.0-test', log);
  const { url } = await server.listenHttp({
    address: { host: '127.0.0.1', port: 0 },
    tls: null,
    sse: false,
    allowedHosts: [],
    allowedOrigins: [],
    requireBearer: false,
  });
  const client = new Client(
    { name: 'test', version: '1' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch: recordingFetch(wire) }));
  const caller: Caller = (params) => client.callTool(params);
  const protocol = new ProtocolClient('watched', caller, client.getServerCapabilities());
  await protocol.enrol();
  await protocol.provision(encodeEvaluationKeys(await secret.makeEvaluationKeys()));
  const input = await digit(model.artifact, '3-0');
  await protocol.upload('s', encodeCiphertextSet(await secret.encrypt([input])));
  await addKept(stored, server);
  const answer = await protocol.callAs('remote_inference_cnn', { session_id: 's' });
  await addKept(stored, server);
  await client.close();
  await server[Symbol.asyncDispose]();
  await rm(state, { recursive: true, force: true });

  const result = Buffer.from(answer['encrypted_logit_b64'] as string, 'base64');
  const [logits] = await secret.decrypt(parseCiphertextSet(result));
  const setting = { scheme: 'ckks' as const, parametersDigest: parametersDigest(model.artifact.parameters) };
  const { picture } = decodeImage(readFileSync(PICTURE), PICTURE);
  const forbidden: Readonly<Record<string, readonly Buffer[]>> = {
    'secret key': needlesOf(parseSecretKey(secret.secretKey, setting).bytes, 24, 40),
    picture: needlesOf(readFileSync(PICTURE), 24, 10),
    pixels: needlesOf(picture.pixels, 12, 20),
    inputs: numberNeedles([...input]),
    logits: numberNeedles([...logits!]),
  };
  // The session's ciphertexts were there to be searched.
  expect(wire.bytes).toBeGreaterThan(2 * result.length);
  expect(stored.bytes).toBeGreaterThan(result.length);
  for (const [what, needles] of Object.entries(forbidden)) {
    expect(needles.length, what).toBeGreaterThan(0);
    expect(wire.find(needles), what).toEqual([]);
    expect(stored.find(needles), what).toEqual([]);
    // Planted raw and in Base64 inside of JSON, each is found.
    const needle = needles[0]!;
    const planted = new Haystack();
    planted.add('raw', Buffer.concat([Buffer.alloc(7), needle, Buffer.alloc(5)]));
    planted.add(
      'message',
      JSON.stringify({ chunk_b64: Buffer.concat([needle, Buffer.alloc(32)]).toString('base64') }),
    );
    expect(planted.find([needle]), what).toEqual(['raw', 'message (Base64)']);
  }
  const token = Buffer.from(protocol.token!);
  expect(wire.find([token]).length).toBeGreaterThan(0);
  expect(stored.find([token])).toEqual([]);
  // Half a minute where nothing else runs: thousands of needles.
}, 240_000);

/** Keeps what is sent and what comes back. */
function recordingFetch(haystack: Haystack): (url: string | URL, init?: RequestInit) => Promise<Response> {
  return async (url, init) => {
    if (typeof init?.body === 'string') haystack.add('request', init.body);
    const response = await fetch(url, init);
    const copy = Buffer.from(await response.clone().arrayBuffer());
    haystack.add('response', copy);
    return response;
  };
}

async function addKept(haystack: Haystack, { backstage }: TestServer): Promise<void> {
  for await (const [what, bytes] of backstage.kept()) haystack.add(what, Buffer.from(bytes));
}
