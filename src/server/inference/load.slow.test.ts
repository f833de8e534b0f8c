/**
 * Eight clients with five inferences each, all at once, against one server in a process of its own: all right, none starved,
 * memory of all its processes within the bound; and how the time compares with as many in sequence.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { nativeUnavailable } from '../../runtime/backends/native/load-addon.ts';
import { SecretClient } from '../../runtime/client/secret-client.ts';
import { Evaluator } from '../../runtime/evaluation/evaluator.ts';
import type { CiphertextSet } from '../../runtime/formats/ciphertext-set.ts';
import { encodeCiphertextSet } from '../../runtime/formats/ciphertext-set.ts';
import { encodeEvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { startServer } from '../testing/crash-server.ts';
import { connectors } from '../testing/mcp-clients.ts';
import type { Answer } from '../testing/protocol-client.ts';
import { ProtocolClient } from '../testing/protocol-client.ts';
import { compileFixture, digit } from '../testing/served-model.ts';

const CLIENTS = 8;
const INFERENCES = 5;
/** Room for some of the clients' keys, not for all. */
const BOUND_MB = 2048;

interface Participant {
  readonly client: ProtocolClient;
  readonly inputs: readonly CiphertextSet[];
  readonly expected: readonly Uint8Array[];
}

it('serves many clients at once', async () => {
  const backend = nativeUnavailable() === null ? 'native' : 'seal';
  await using model = await compileFixture('digits-square', 100, backend);
  const state = await mkdtemp(join(tmpdir(), 'he-compile-load-'));
  const server = await startServer([
    ...[model.file, '--http', '127.0.0.1:0', '--state', state, '--open-enrolment'],
    ...['--threads', '1', '--max-memory-mb', String(BOUND_MB)],
  ]);
  let peak = 0;
  const watch = setInterval(() => (peak = Math.max(peak, residentBytes(server.processId))), 200);
  try {
    const connection = await connectors['v2 over Streamable HTTP, 2026-07-28']!(server.url);
    const participants: Participant[] = [];
    for (let i = 0; i < CLIENTS; i++) {
      const client = new ProtocolClient(`client-${i}`, connection.call, connection.capabilities);
      await client.enrol();
      participants.push({ client, ...(await prepare(model.artifact, backend, client, i)) });
    }
    const infer = async (
      { client, inputs, expected }: Participant,
      round: string,
      k: number,
    ): Promise<number> => {
      const session_id = `${round}-${k}`;
      await client.upload(session_id, encodeCiphertextSet(inputs[k]!));
      const answer: Answer = await client.callAs('remote_inference_cnn', { session_id });
      expect(answer).toMatchObject({ ok: true, status: 'done' });
      const result = Buffer.from(answer['encrypted_logit_b64'] as string, 'base64');
      expect(result.equals(expected[k]!)).toBe(true);
      return performance.now();
    };
    const numbers = Array.from({ length: INFERENCES }, (_, k) => k);
    let start = performance.now();
    for (const participant of participants) for (const k of numbers) await infer(participant, 'sequence', k);
    const sequenceMs = performance.now() - start;
    start = performance.now();
    const ends = await Promise.all(
      participants.map(async (participant) => {
        const times = await Promise.all(numbers.map((k) => infer(participant, 'at-once', k)));
        return times.map((time) => time - start);
      }),
    );
    const atOnceMs = Math.max(...ends.flat());
    const firsts = ends.map((times) => Math.min(...times));
    console.log(
      JSON.stringify({
        sequenceMs: Math.round(sequenceMs),
        atOnceMs: Math.round(atOnceMs),
        firstResultMs: firsts.map(Math.round),
        lastResultMs: ends.map((times) => Math.round(Math.max(...times))),
        peakResidentMb: Math.round(peak / 2 ** 20),
        boundMb: BOUND_MB,
      }),
    );
    // Everybody has a result before anybody could have had two turns while others had none.
    expect(Math.max(...firsts)).toBeLessThan(atOnceMs);
    expect(peak).toBeLessThan((BOUND_MB + SERVER_MB) * 2 ** 20);
  } finally {
    clearInterval(watch);
    await server.kill();
    await rm(state, { recursive: true, force: true });
  }
});

/** What the server itself has beside its evaluation processes. */
const SERVER_MB = 512;

async function prepare(
  artifact: Parameters<typeof Evaluator.create>[0] & Parameters<typeof digit>[0],
  backend: 'native' | 'seal',
  client: ProtocolClient,
  i: number,
): Promise<Omit<Participant, 'client'>> {
  await using secret = await SecretClient.generate(artifact.signature);
  const keys = await secret.makeEvaluationKeys();
  await client.provision(encodeEvaluationKeys(keys));
  await using evaluator = await Evaluator.create(artifact, keys, { backend, threads: 1 });
  const inputs: CiphertextSet[] = [];
  const expected: Uint8Array[] = [];
  for (let k = 0; k < INFERENCES; k++) {
    const set = await secret.encrypt([await digit(artifact, `${(i + k) % 10}-1`)]);
    inputs.push(set);
    expected.push(encodeCiphertextSet((await evaluator.evaluate(set)).outputs));
  }
  return { inputs, expected };
}

/** Of a process and all its children. */
function residentBytes(processId: number): number {
  const lines = execFileSync('ps', ['-o', 'pid=,ppid=,rss=', '-A'], { encoding: 'utf8' }).trim().split('\n');
  const rows = lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number, number]);
  return rows
    .filter(([own, parent]) => own === processId || parent === processId)
    .reduce((sum, [, , kibibytes]) => sum + kibibytes * 1024, 0);
}
