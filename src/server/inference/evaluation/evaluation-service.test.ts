/** What an evaluation process answers to what the server tells it; the evaluator in it is a stand-in. */
import { EventEmitter } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { BackendError } from '../../../errors.ts';
import { artifactDigest, encodeArtifact } from '../../../program/codec.ts';
import { smallArtifact } from '../../../program/testing/small-artifact.ts';
import { Evaluator, expectedTensors } from '../../../runtime/evaluation/evaluator.ts';
import type { EvaluateOptions, EvaluatorOptions } from '../../../runtime/evaluation/evaluator.ts';
import type { CiphertextSet, EncryptedTensor } from '../../../runtime/formats/ciphertext-set.ts';
import { encodeCiphertextSet } from '../../../runtime/formats/ciphertext-set.ts';
import { encodeEvaluationKeys } from '../../../runtime/formats/evaluation-keys.ts';
import { sha256Of } from '../../protocol/identifiers.ts';
import { FileBlobStore } from '../../storage/file-blob-store.ts';
import { settingOf } from '../key-needs.ts';
import { evaluationBackend } from './evaluation-backend.ts';
import { serveEvaluations, type ServerChannel } from './evaluation-service.ts';
import type { FromProcess, Opening, Order, ToProcess } from './process-protocol.ts';

const artifact = smallArtifact();
const { rotationKeys, relinearizationLevel } = artifact.signature;
const ORIGIN = { ...settingOf(artifact), keySet: '12'.repeat(16) };
const rotations = rotationKeys.map(({ step, level }) => ({
  step,
  level,
  bytes: new Uint8Array(3).fill(step),
}));
const relinearization = { level: relinearizationLevel!, bytes: new Uint8Array(5) };
const tensor = (level: number, scale: number, name = 'output'): EncryptedTensor => ({
  ...{ name, level, scale },
  ciphertexts: [Buffer.from(`ciphertext at ${level}`)],
});

/** What `process` is where it was made by `fork`; it never ends. */
class Channel extends EventEmitter {
  readonly sent: FromProcess[] = [];
  readonly exits: number[] = [];
  lost: Error | null = null;

  send(message: FromProcess, _handle: undefined, _options: object, done: (error: Error | null) => void) {
    this.sent.push(message);
    done(this.lost);
  }

  exit(code: number): void {
    this.exits.push(code);
  }

  hears(message: ToProcess): void {
    this.emit('message', message);
  }
}

let folder: string;
let blobs: FileBlobStore;
let opening: Opening;
let order: Order;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-process-'));
  blobs = await FileBlobStore.open(folder);
  const artifactFile = join(folder, 'small.hemodel');
  const bytes = encodeArtifact(artifact);
  await writeFile(artifactFile, bytes);
  const keys = encodeEvaluationKeys({ ...ORIGIN, rotations, relinearization });
  const inputs = expectedTensors(artifact.program, artifact.program.inputs);
  const tensors = inputs.map(({ name, level, scale }) => tensor(level, scale, name));
  await blobs.put('keys', [keys]);
  await blobs.put('inputs', [encodeCiphertextSet({ ...ORIGIN, tensors })]);
  await blobs.put('damaged', [Buffer.from('no container')]);
  opening = {
    artifactFile,
    artifactDigest: artifactDigest(bytes),
    blobs: blobs.location,
    keys: [{ chunks: ['keys'], sha256: sha256Of(keys) }],
    threads: 3,
    evaluatorBytes: 1.5 * 2 ** 20,
  };
  order = { inputs: [{ chunks: ['inputs'], sha256: null }], outputKey: 'result' };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let channel: Channel;
let now: number;
let created: { keys: unknown; options: EvaluatorOptions }[];
let evaluate: (inputs: CiphertextSet, options: EvaluateOptions) => Promise<readonly EncryptedTensor[]>;
beforeEach(() => {
  channel = new Channel();
  now = 1000;
  created = [];
  evaluate = () => Promise.resolve([tensor(1, 8)]);
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  vi.spyOn(Evaluator, 'create').mockImplementation((_artifact, keys, options) => {
    created.push({ keys, options });
    const standIn = {
      threads: 2,
      evaluate: async (inputs: CiphertextSet, given: EvaluateOptions) => ({
        outputs: { ...ORIGIN, tensors: await evaluate(inputs, given) },
      }),
    };
    return Promise.resolve(standIn as unknown as Evaluator);
  });
  serveEvaluations(channel as unknown as ServerChannel);
});
afterEach(() => void vi.restoreAllMocks());

/** What comes back, progress apart. */
async function answer(message: ToProcess): Promise<FromProcess> {
  const before = channel.sent.length;
  channel.hears(message);
  const find = () => channel.sent.slice(before).find(({ kind }) => kind !== 'progress');
  return vi.waitFor(() => find() ?? expect.fail('no answer yet'), { interval: 2, timeout: 10_000 });
}
const progress = (): FromProcess[] => channel.sent.filter(({ kind }) => kind === 'progress');

describe('opening', () => {
  it('gives the evaluator the keys, and no more threads and memory than it was told', async () => {
    const said = await answer({ kind: 'open', opening });
    expect(said).toEqual({ kind: 'opened', memoryBytes: expect.any(Number) as number, threads: 2 });
    expect(created).toMatchObject([
      {
        keys: { ...ORIGIN, rotations, relinearization },
        options: { backend: evaluationBackend(artifact), threads: 3, maxMemoryMb: 1.5, takeKeys: true },
      },
    ]);
  });

  it('loads no other artifact than the one that the server has read', async () => {
    const other = { ...opening, artifactDigest: '0'.repeat(64) };
    const failure = { code: 'ERROR_INTERNAL' };
    expect(await answer({ kind: 'open', opening: other })).toMatchObject({
      kind: 'failed',
      id: null,
      failure,
    });
    expect(created).toEqual([]);
  });

  it('says of damaged keys that they are keys', async () => {
    const keys = [{ chunks: ['damaged'], sha256: null }];
    expect(await answer({ kind: 'open', opening: { ...opening, keys } })).toMatchObject({
      kind: 'failed',
      id: null,
      failure: { code: 'ERROR_INVALID_EVALUATION_KEY' },
    });
  });
});

describe('an evaluation', () => {
  it('takes keys', async () => {
    expect(await answer({ kind: 'evaluate', id: 4, order })).toEqual({
      kind: 'failed',
      id: 4,
      failure: { code: 'ERROR_INTERNAL', message: 'the server failed' },
    });
  });

  it('writes its result where it was told, and says what it took', async () => {
    await answer({ kind: 'open', opening });
    const outputs = [tensor(1, 8, 'first'), tensor(1, 16, 'second'), tensor(2, 32, 'third')];
    const given: string[] = [];
    evaluate = ({ tensors }) => {
      given.push(...tensors.map(({ name }) => name));
      now += 1234.5;
      return Promise.resolve(outputs);
    };
    const result = encodeCiphertextSet({ ...ORIGIN, tensors: outputs });
    expect(await answer({ kind: 'evaluate', id: 4, order })).toStrictEqual({
      kind: 'done',
      id: 4,
      outcome: {
        resultBytes: result.length,
        resultSha256: sha256Of(result),
        inferSeconds: 1.235,
        remainingLevel: 1,
        scale: 8,
        noiseBudgetBits: null,
        depthUsed: 3,
        outputShape: artifact.signature.outputs[0]!.layout.shape,
      },
      memoryBytes: expect.any(Number) as number,
    });
    expect(Buffer.from(await blobs.get('result')).equals(result)).toBe(true);
    expect(given).toEqual(artifact.signature.inputs.map(({ name }) => name));
  });

  it('without an output, or with damaged inputs, has failed', async () => {
    await answer({ kind: 'open', opening });
    evaluate = () => Promise.resolve([]);
    expect(await answer({ kind: 'evaluate', id: 5, order })).toMatchObject({ kind: 'failed', id: 5 });
    const damaged = { ...order, inputs: [{ chunks: ['damaged'], sha256: null }] };
    expect(await answer({ kind: 'evaluate', id: 6, order: damaged })).toMatchObject({
      kind: 'failed',
      id: 6,
      failure: { code: 'ERROR_INVALID_CIPHERTEXT' },
    });
  });

  it('is cancelled by its number, as long as it runs', async () => {
    await answer({ kind: 'open', opening });
    const signals: AbortSignal[] = [];
    evaluate = (_inputs, { signal }) => {
      signals.push(signal!);
      return new Promise((_resolve, reject) => {
        signal!.addEventListener('abort', () => reject(new BackendError('CANCELLED', 'it was cancelled')));
      });
    };
    channel.hears({ kind: 'evaluate', id: 0, order });
    await vi.waitFor(() => expect(signals).toHaveLength(1), { interval: 2, timeout: 10_000 });
    channel.hears({ kind: 'cancel', id: 1 });
    expect(signals[0]!.aborted).toBe(false);
    expect(await answer({ kind: 'cancel', id: 0 })).toEqual({
      kind: 'failed',
      id: 0,
      failure: { code: 'ERROR_CANCELLED', message: 'it was cancelled' },
    });

    evaluate = (_inputs, { signal }) => {
      signals.push(signal!);
      return Promise.resolve([tensor(1, 8)]);
    };
    expect(await answer({ kind: 'evaluate', id: 2, order })).toMatchObject({ kind: 'done', id: 2 });
    channel.hears({ kind: 'cancel', id: 2 });
    expect(signals[1]!.aborted).toBe(false);
  });
});

it('progress is told ten times a second at most, and its end always', async () => {
  await answer({ kind: 'open', opening });
  const loading = created[0]!.options.progress!;
  loading({ stage: 'keys', layer: '', fraction: 0.1 });
  now += 99;
  loading({ stage: 'keys', layer: '', fraction: 0.2 });
  now += 1;
  loading({ stage: 'keys', layer: '', fraction: 0.3 });
  evaluate = (_inputs, options) => {
    options.progress!({ stage: 'evaluation', layer: 'l', fraction: 0.9 });
    options.progress!({ stage: 'evaluation', layer: 'l', fraction: 1 });
    return Promise.resolve([tensor(1, 8)]);
  };
  await answer({ kind: 'evaluate', id: 3, order });
  expect(progress()).toEqual([
    { kind: 'progress', id: null, stage: 'keys', layer: '', fraction: 0.1 },
    { kind: 'progress', id: null, stage: 'keys', layer: '', fraction: 0.3 },
    { kind: 'progress', id: 3, stage: 'evaluation', layer: 'l', fraction: 1 },
  ]);
});

describe('a process', () => {
  it('ends with its server, and not when a terminal wants it to', async () => {
    await answer({ kind: 'open', opening });
    expect(channel.listenerCount('SIGINT')).toBe(1);
    channel.emit('SIGINT');
    expect(channel.exits).toEqual([]);
    channel.emit('disconnect');
    expect(channel.exits).toEqual([0]);
  });

  it('ends when it cannot tell its server any more', async () => {
    channel.lost = new Error('EPIPE');
    await answer({ kind: 'open', opening });
    expect(channel.exits).toEqual([0]);
  });
});
