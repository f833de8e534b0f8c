/**
 * kill −9 at random moments of whole sessions, from enrolment over keys, chunks, evaluation and result to revocation. Moments are
 * spread over the steps, and within a step over the time that it takes, so that writes are hit as well as waiting. After each
 * restart the client goes on where it was; every session has, bit for bit, the right result, when it ends and when all have ended.
 * CRASH_POINTS says how many sessions.
 */
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Random } from '../../compiler/random.ts';
import { nativeUnavailable } from '../../runtime/backends/native/load-addon.ts';
import { SecretClient } from '../../runtime/client/secret-client.ts';
import { Evaluator } from '../../runtime/evaluation/evaluator.ts';
import { encodeCiphertextSet } from '../../runtime/formats/ciphertext-set.ts';
import { encodeEvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { CrashingServer, freePort } from '../testing/crash-server.ts';
import { connectors } from '../testing/mcp-clients.ts';
import type { Answer } from '../testing/protocol-client.ts';
import { ProtocolClient } from '../testing/protocol-client.ts';
import { compileFixture, digit } from '../testing/served-model.ts';
import { sha256Of } from '../protocol/identifiers.ts';

const POINTS = Number(process.env['CRASH_POINTS'] ?? 20);
const STEPS = ['enrol', 'begin', 'key chunk', 'commit', 'input chunk', 'infer', 'result', 'revoke'] as const;
type Step = (typeof STEPS)[number];

/** So that a session has several chunks of each kind. */
const KEY_CHUNKS = 4;
const INPUT_CHUNKS = 3;
const INPUTS = 4;
/** Every so often the server that has just come back is killed again. */
const TWICE_EVERY = 8;
const TWICE_WITHIN_MS = 60;
const RETRY_MS = 20;

it(`finishes ${POINTS} sessions whose server is killed at a random moment`, async () => {
  const backend = nativeUnavailable() === null ? 'native' : 'seal';
  await using model = await compileFixture('digits-square', 100, backend);
  await using secret = await SecretClient.generate(model.artifact.signature);
  const evaluationKeys = await secret.makeEvaluationKeys();
  const keys = encodeEvaluationKeys(evaluationKeys);
  // Evaluation is deterministic: not a bit may differ.
  const pairs: { readonly input: Uint8Array; readonly expected: string }[] = [];
  {
    await using evaluator = await Evaluator.create(model.artifact, evaluationKeys, { backend, threads: 1 });
    for (let i = 0; i < INPUTS; i++) {
      const set = await secret.encrypt([await digit(model.artifact, `${i}-0`)]);
      const { outputs } = await evaluator.evaluate(set);
      pairs.push({ input: encodeCiphertextSet(set), expected: sha256Of(encodeCiphertextSet(outputs)) });
    }
  }
  const state = await mkdtemp(join(tmpdir(), 'he-compile-crash-'));
  const address = `127.0.0.1:${await freePort()}`;
  await using server = await CrashingServer.start([
    ...[model.file, '--http', address, '--state', state, '--open-enrolment', '--threads', '1'],
  ]);
  const random = new Random(2026);
  const typicalMs = new Map<Step, number>();
  const hits = new Map<string, number>(STEPS.map((step) => [step, 0]));
  const count = (what: string): void => void hits.set(what, (hits.get(what) ?? 0) + 1);
  const clients: { readonly client: ProtocolClient; readonly keyRef: string; readonly expected: string }[] =
    [];
  try {
    // The first session is left alone: it says how long steps take.
    for (let point = -1; point < POINTS; point++) {
      const { input, expected } = pairs[(point + 1) % INPUTS]!;
      const target = point < 0 ? null : STEPS[point % STEPS.length]!;
      const chunks = target === 'key chunk' ? KEY_CHUNKS : target === 'input chunk' ? INPUT_CHUNKS : 1;
      let passes = Math.floor(random.next() * chunks);
      let current: Step | 'between steps' = 'between steps';
      let killed: Promise<void> = Promise.resolve();

      const attack = (step: Step): void => {
        if (step !== target || passes-- !== 0) return;
        const delayMs = random.next() * 1.1 * (typicalMs.get(step) ?? 0);
        const again = point % TWICE_EVERY === 0 ? random.next() * TWICE_WITHIN_MS : null;
        killed = new Promise((resolve) => setTimeout(resolve, delayMs)).then(async () => {
          count(current);
          await server.kill();
          if (hasHalfWritten(join(state, 'blobs'))) count('inside a write');
          await server.restart();
          if (again === null) return;
          await new Promise((resolve) => setTimeout(resolve, again));
          count('again after the restart');
          await server.kill();
          await server.restart();
        });
      };
      /** Calls until there is an answer, over as many connections as it takes. */
      const insist = async (step: Step, call: () => Promise<Answer>): Promise<Answer> => {
        const start = performance.now();
        attack(step);
        current = step;
        for (;;) {
          try {
            if (connection === null) {
              connection = await connectors['v2 over Streamable HTTP, 2026-07-28']!(server.url);
              client.reconnect(connection.call);
            }
            const answer = await call();
            if (answer['retryable'] !== true) {
              if (point < 0) typicalMs.set(step, performance.now() - start);
              current = 'between steps';
              return answer;
            }
          } catch (error) {
            // Only what a dead server explains: wrong answers fail.
            if (!isConnectionError(error)) throw error;
            connection = null;
          }
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        }
      };
      let connection: Awaited<ReturnType<(typeof connectors)[string]>> | null = await connectors[
        'v2 over Streamable HTTP, 2026-07-28'
      ]!(server.url);
      const client = new ProtocolClient(`client-${point + 1}`, connection.call, connection.capabilities);
      const keyRef = await runSession(client, insist, keys, input, expected);
      await killed;
      clients.push({ client, keyRef, expected });
    }
    // All that was acknowledged is still there.
    const { call, close } = await connectors['v2 over Streamable HTTP, 2026-07-28']!(server.url);
    for (const { client, keyRef, expected } of clients) {
      client.reconnect(call);
      const answer = await client.callAs('remote_inference_cnn', { session_id: 'session' });
      expect(answer).toMatchObject({ ok: true, status: 'done', encrypted_logit_sha256: expected });
      expect(sha256Of(Buffer.from(answer['encrypted_logit_b64'] as string, 'base64'))).toBe(expected);
      expect(await client.callAs('get_key_status', { key_ref: keyRef })).toMatchObject({
        ok: true,
        state: 'revoked',
      });
    }
    await close();
  } finally {
    console.log(JSON.stringify({ backend, points: POINTS, kills: Object.fromEntries(hits) }));
    await server.kill();
    await rm(state, { recursive: true, force: true });
  }
  expect(clients).toHaveLength(POINTS + 1);
  for (const step of STEPS) if (POINTS >= 8 * STEPS.length) expect(hits.get(step), step).toBeGreaterThan(0);
});

type Insist = (step: Step, call: () => Promise<Answer>) => Promise<Answer>;

/** Every step is repeated until acknowledged; none asks what happened before. */
async function runSession(
  client: ProtocolClient,
  insist: Insist,
  keys: Uint8Array,
  input: Uint8Array,
  expected: string,
): Promise<string> {
  const ask = (step: Step, tool: string, args: Record<string, unknown>): Promise<Answer> =>
    insist(step, () => client.callAs(tool, args));
  const send = async (
    step: Step,
    tool: string,
    target: Record<string, unknown>,
    file_name: string,
    bytes: Uint8Array,
    total_chunks: number,
  ): Promise<void> => {
    const size = Math.ceil(bytes.length / total_chunks);
    for (let chunk_index = 0; chunk_index < total_chunks; chunk_index++) {
      const chunk_b64 = Buffer.from(bytes.subarray(chunk_index * size, (chunk_index + 1) * size)).toString(
        'base64',
      );
      const args = { ...target, file_name, chunk_index, total_chunks, chunk_b64 };
      expect(await ask(step, tool, args)).toMatchObject({ ok: true, chunk_index });
    }
  };
  // The answer to an enrolment may be lost with its token: the same key enrols again.
  expect(await insist('enrol', () => client.enrol())).toMatchObject({ ok: true });
  const file = { file_name: 'evaluation.keys', bytes: keys.length, sha256: sha256Of(keys) };
  const begun = await ask('begin', 'begin_key_provisioning', { files: [file] });
  expect(begun).toMatchObject({ ok: true });
  const key_ref = begun['key_ref'] as string;
  await send('key chunk', 'upload_evaluation_key_chunk', { key_ref }, file.file_name, keys, KEY_CHUNKS);
  expect(await ask('commit', 'commit_evaluation_keys', { key_ref })).toMatchObject({
    ok: true,
    state: 'active',
  });
  const session = { session_id: 'session' };
  await send('input chunk', 'upload_ciphertext_chunk', session, 'input.hect', input, INPUT_CHUNKS);
  const done = { ok: true, status: 'done', key_ref, encrypted_logit_sha256: expected };
  expect(await ask('infer', 'remote_inference_cnn', session)).toMatchObject(done);
  const result = await ask('result', 'get_inference_result', session);
  expect(sha256Of(Buffer.from(result['chunk_b64'] as string, 'base64'))).toBe(expected);
  expect(await ask('revoke', 'revoke_evaluation_keys', { key_ref })).toMatchObject({ ok: true });
  // Revoked is revoked, whatever happened meanwhile.
  await send('input chunk', 'upload_ciphertext_chunk', { session_id: 'late' }, 'input.hect', input, 1);
  expect(await ask('infer', 'remote_inference_cnn', { session_id: 'late' })).toMatchObject({
    ok: false,
    error_code: 'ERROR_KEY_REVOKED',
  });
  return key_ref;
}

/** What a write left that was cut off between its first byte and its rename. */
function hasHalfWritten(folder: string): boolean {
  if (!existsSync(folder)) return false;
  return readdirSync(folder, { recursive: true }).some((name) => String(name).includes('.aside-'));
}

/** As `fetch` and the SDK say that the other end is gone. */
function isConnectionError(error: unknown): boolean {
  const text = String(error instanceof Error ? `${error.message} ${String(error.cause)}` : error);
  return /fetch failed|ECONN|socket|terminated|closed|other side/i.test(text);
}
