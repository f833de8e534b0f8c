/** The whole campaign of damaged messages against one server: opens it, damages every message, and asks it for good work after. */
import { copyFile, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import type { RoundTerms } from '../../federation/round-terms.ts';
import { SecretClient } from '../../runtime/client/secret-client.ts';
import { encodeCiphertextSet } from '../../runtime/formats/ciphertext-set.ts';
import { invite } from '../hosting/invite.ts';
import { newLoopbackToken } from '../crypto/loopback-token.ts';
import { connectors } from './mcp-clients.ts';
import type { MemoryReport, Message, MessageReport } from './mutation-campaign.ts';
import { MutationTarget } from './mutation-campaign.ts';
import { DECRYPTOR, OWNER } from './federation-policy.ts';
import { federationMessages } from './mutation-federation.ts';
import type { LocalCall } from './mutation-messages.ts';
import { inferenceMessages, localMessages } from './mutation-messages.ts';
import type { Answer } from './protocol-client.ts';
import { compileFixture, digit } from './served-model.ts';

const TEMPLATE = join(import.meta.dirname, '../../../fixtures/digits-square.onnx');
const SAMPLES = join(import.meta.dirname, '../../../fixtures/samples');

export interface CampaignReport {
  readonly messages: readonly MessageReport[];
  readonly memory: MemoryReport;
  readonly seconds: number;
  /** A good request after all of it. */
  readonly afterwards: Answer;
}

/** @param rounds mutations of every message */
export async function attackInferenceServer(rounds: number, seed: number): Promise<CampaignReport> {
  await using model = await compileFixture('digits-square');
  const state = await mkdtemp(join(tmpdir(), 'he-compile-mutations-'));
  try {
    await using target = await MutationTarget.start(['inference', model.file, state], null, [state]);
    await using secret = await SecretClient.generate(model.artifact.signature);
    const connection = await connectors['v2 over Streamable HTTP, 2026-07-28']!(target.url);
    const { messages, owner } = await inferenceMessages(connection, model, secret);
    const report = await attackAll(target, messages, rounds, seed);
    await owner.upload(
      'afterwards',
      encodeCiphertextSet(await secret.encrypt([await digit(model.artifact, '7-1')])),
    );
    const afterwards = await owner.callAs('remote_inference_cnn', { session_id: 'afterwards' });
    await connection.close();
    return { ...report, afterwards };
  } finally {
    await rm(state, { recursive: true, force: true });
  }
}

/** @param rounds mutations of every message */
export const attackAggregator = (rounds: number, seed: number): Promise<CampaignReport> =>
  attackRounds('secure-aggregation', rounds, seed);

/** @param rounds mutations of every message */
export const attackAggregatorOfSums = (rounds: number, seed: number): Promise<CampaignReport> =>
  attackRounds('bfv-sum', rounds, seed);

async function attackRounds(
  protocol: RoundTerms['protocol'],
  rounds: number,
  seed: number,
): Promise<CampaignReport> {
  const state = await mkdtemp(join(tmpdir(), 'he-compile-mutations-'));
  try {
    const { code } = await invite(state, OWNER, 3_600_000);
    const { code: decryptorsCode } = await invite(state, DECRYPTOR, 3_600_000);
    await using target = await MutationTarget.start(['federation', TEMPLATE, state, protocol], null, [state]);
    const connection = await connectors['v2 over Streamable HTTP, 2026-07-28']!(target.url);
    const { messages, good } = await federationMessages(connection, code, decryptorsCode);
    const report = await attackAll(target, messages, rounds, seed);
    const afterwards = await good.callAs('get_round_status', { round: 1 });
    await connection.close();
    return { ...report, afterwards };
  } finally {
    await rm(state, { recursive: true, force: true });
  }
}

/** @param rounds mutations of every message */
export async function attackLocalServer(rounds: number, seed: number): Promise<CampaignReport> {
  await using model = await compileFixture('digits-square');
  const base = await realpath(await mkdtemp(join(tmpdir(), 'he-compile-mutations-')));
  const root = join(base, 'root');
  try {
    await mkdir(root);
    const pictures = await picturesIn(root);
    const token = newLoopbackToken();
    const store = join(base, 'private');
    await using target = await MutationTarget.start(['crypto', store, root, token], token, [token, store]);
    const client = new Client({ name: 'good', version: '1' }, { versionNegotiation: { mode: 'auto' } });
    const requestInit = { headers: { Authorization: `Bearer ${token}` } };
    await client.connect(new StreamableHTTPClientTransport(new URL(target.url), { requestInit }));
    const call: LocalCall = async (name, args) =>
      (await client.callTool({ name, arguments: args })).structuredContent as Answer;
    const messages = await localMessages(call, model, root, pictures);
    const report = await attackAll(target, messages, rounds, seed);
    const afterwards = await call('fhe_encrypt', {
      client_id: 'agent',
      image_path: pictures[0]!,
      session_dir: join(root, 'afterwards'),
    });
    await client.close();
    return { ...report, afterwards };
  } finally {
    await rm(base, { recursive: true, force: true });
  }
}

/** The same digit in every format that is read. */
async function picturesIn(root: string): Promise<readonly string[]> {
  const [png, jpg, npy] = ['digit.png', 'digit.jpg', 'digit.npy'].map((name) => join(root, name));
  await copyFile(join(SAMPLES, '3-0.png'), png!);
  const { data, width, height } = PNG.sync.read(await readFile(png!));
  await writeFile(jpg!, jpeg.encode({ data, width, height }, 95).data);
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 28, 28), }".padEnd(117) + '\n';
  const values = Buffer.from(new Float32Array(28 * 28).fill(0.5).buffer);
  await writeFile(
    npy!,
    Buffer.concat([Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'), Buffer.from(header), values]),
  );
  return [png!, jpg!, npy!];
}

async function attackAll(
  target: MutationTarget,
  messages: readonly Message[],
  rounds: number,
  seed: number,
): Promise<Omit<CampaignReport, 'afterwards'>> {
  const begun = performance.now();
  // What a server needs for work of this kind at all is not what the damage costs.
  for (const message of messages) await target.attack(message, Math.min(5, rounds), seed + 1);
  const before = target.memory();
  const reports: MessageReport[] = [];
  for (const message of messages) reports.push(await target.attack(message, rounds, seed));
  const after = target.memory();
  return {
    messages: reports,
    memory: { beforeMiB: before.now, afterMiB: after.now, peakMiB: after.peak },
    seconds: (performance.now() - begun) / 1000,
  };
}
