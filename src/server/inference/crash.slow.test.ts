/**
 * kill −9 at random moments of a whole session, from enrolment to result: after each restart the client goes on where the
 * server says it is, and in the end every session has, bit for bit, the right result. CRASH_POINTS says how many sessions.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Random } from '../../compiler/random.ts';
import { SecretClient } from '../../runtime/client/secret-client.ts';
import { Evaluator } from '../../runtime/evaluation/evaluator.ts';
import { encodeCiphertextSet } from '../../runtime/formats/ciphertext-set.ts';
import { encodeEvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import type { ServerProcess } from '../testing/crash-server.ts';
import { freePort, startServer } from '../testing/crash-server.ts';
import type { Connection } from '../testing/mcp-clients.ts';
import { connectors } from '../testing/mcp-clients.ts';
import type { Answer } from '../testing/protocol-client.ts';
import { ProtocolClient } from '../testing/protocol-client.ts';
import { compileFixture, digit } from '../testing/served-model.ts';

const POINTS = Number(process.env['CRASH_POINTS'] ?? 20);
/** Longer than a session takes on a quiet machine, so that moments before, in and after the evaluation are hit. */
const LONGEST_MS = 3500;

it(`finishes ${POINTS} sessions whose server is killed at a random moment`, async () => {
  await using model = await compileFixture('digits-square');
  await using secret = await SecretClient.generate(model.artifact.signature);
  const evaluationKeys = await secret.makeEvaluationKeys();
  const keys = encodeEvaluationKeys(evaluationKeys);
  await using evaluator = await Evaluator.create(model.artifact, evaluationKeys, {
    backend: 'seal',
    threads: 1,
  });
  const state = await mkdtemp(join(tmpdir(), 'he-compile-crash-'));
  const args = [
    model.file,
    '--http',
    `127.0.0.1:${await freePort()}`,
    '--state',
    state,
    '--open-enrolment',
    '--threads',
    '1',
  ];
  const random = new Random(2026);
  let process_: ServerProcess = await startServer(args);
  let connection: Connection | null = null;
  let client: ProtocolClient | null = null;

  /** Calls until there is an answer, over as many connections as it takes. */
  const insist = async (call: (client: ProtocolClient) => Promise<Answer>): Promise<Answer> => {
    for (;;) {
      try {
        connection ??= await connectors['v2 over Streamable HTTP, 2026-07-28']!(process_.url);
        client!.reconnect(connection.call);
        const answer = await call(client!);
        if (answer['retryable'] !== true) return answer;
      } catch {
        connection = null;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  let finished = 0;
  try {
    for (let point = 0; point < POINTS; point++) {
      const name = `${point % 10}-0`;
      const set = await secret.encrypt([await digit(model.artifact, name)]);
      const input = encodeCiphertextSet(set);
      connection = await connectors['v2 over Streamable HTTP, 2026-07-28']!(process_.url);
      client = new ProtocolClient(`client-${point}`, connection.call, connection.capabilities);
      const killed = new Promise((resolve) => setTimeout(resolve, random.next() * LONGEST_MS)).then(
        async () => {
          await process_.kill();
          process_ = await startServer(args);
        },
      );
      const answer = await runSession(client, insist, keys, input);
      const result = Buffer.from(answer['encrypted_logit_b64'] as string, 'base64');
      // Evaluation is deterministic: not a bit may differ.
      const { outputs } = await evaluator.evaluate(set);
      expect(result.equals(encodeCiphertextSet(outputs))).toBe(true);
      await killed;
      finished++;
    }
  } finally {
    await process_.kill();
    await rm(state, { recursive: true, force: true });
  }
  expect(finished).toBe(POINTS);
});

type Insist = (call: (client: ProtocolClient) => Promise<Answer>) => Promise<Answer>;

/** Every step is repeated until acknowledged; none asks what happened before. */
async function runSession(
  client: ProtocolClient,
  insist: Insist,
  keys: Uint8Array,
  input: Uint8Array,
): Promise<Answer> {
  // The answer to an enrolment may be lost with its token: the same key enrols again.
  await insist((own) => own.enrol());
  let reference = '';
  await insist(async (own) => {
    reference = await own.provision(keys);
    return { ok: true };
  });
  await insist(async (own) => {
    await own.upload('session', input);
    return { ok: true };
  });
  const answer = await insist((own) => own.callAs('remote_inference_cnn', { session_id: 'session' }));
  expect(answer).toMatchObject({ ok: true, status: 'done', key_ref: reference });
  expect(client.token).toBeDefined();
  return answer;
}
