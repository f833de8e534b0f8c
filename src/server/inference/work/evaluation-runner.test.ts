/** One evaluation: progress, what a crash or a time limit makes of it, and what is counted and logged. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ToolError } from '../../protocol/error-codes.ts';
import type { KeySetRecord, SessionRecord } from '../../storage/records.ts';
import { DONE, type EvaluationWorld, evaluationWorld } from '../../testing/evaluation-world.ts';
import { blobsAtHand, type NearBlobs } from '../../storage/near-blobs.ts';
import { EvaluationRunner } from './evaluation-runner.ts';
import { KeyLoading } from './key-loading.ts';

const RECORD: SessionRecord = {
  clientId: 'client',
  sessionId: 's',
  state: 'running',
  model: 'small',
  keyRef: null,
  ompThreads: null,
  createdAt: 1,
  expiresAt: 2,
  queuedAt: 3,
  outcome: null,
};

const OUTPUT = 'session/client/s/result-7';
const EVALUATED = { ...DONE, resultKey: OUTPUT };

let world: EvaluationWorld;
let keySet: KeySetRecord;
let near: NearBlobs;
let runner: EvaluationRunner;
beforeEach(() => open(60_000));
afterEach(() => world[Symbol.asyncDispose]());

async function open(timeoutMs: number): Promise<void> {
  world = await evaluationWorld();
  keySet = await world.provide('client', 'keys');
  const { staging, pool, blobs, log, metrics, limits } = world;
  near = blobsAtHand(blobs.location);
  const loading = new KeyLoading(staging, near, pool, { threads: 4, maxMemoryBytes: limits.maxMemoryBytes });
  runner = new EvaluationRunner(loading, near, timeoutMs, log, metrics);
}

function run(
  progress: (fraction: number, message: string) => void = () => undefined,
  signal = new AbortController().signal,
  losses = 0,
) {
  const chunks = ['a/0', 'a/1'].map((key) => ({ key, bytes: 1, sha256: '' }));
  const files = [{ fileName: 'input.hect', chunks, bytes: 2 }];
  const [model] = world.catalog.all;
  const task = { record: RECORD, keySet, model: model!, files, outputKey: OUTPUT, losses, signal };
  return runner.run(task, ({ fraction, message }) => progress(fraction, message));
}

const crash = () => Promise.reject(new ToolError('ERROR_EVALUATION_FAILED', 'crashed'));

describe('an evaluation', () => {
  it('reads the chunks in order, writes beside them, and is counted', async () => {
    world.process.evaluate = (order) => {
      expect(order).toEqual({
        inputs: [{ chunks: ['a/0', 'a/1'], sha256: null }],
        outputKey: OUTPUT,
      });
      return Promise.resolve();
    };
    expect(await run()).toEqual(EVALUATED);
    expect(world.logged).toEqual(['info: evaluated']);
    const text = world.metrics.text({});
    expect(text).toContain('he_compile_evaluations_total{outcome="done"} 1\n');
    expect(text).toContain('he_compile_evaluation_seconds_total 0.5\n');
    expect(world.leases.open).toBe(0);
  });

  it('is three tenths loading, if it has to load, and never goes back', async () => {
    const seen: [number, string][] = [];
    world.process.load = (_request, progress) => {
      for (const [stage, fraction] of [
        ['keys', 1],
        ['plaintexts', 0],
        ['plaintexts', 1],
        ['keys', 0],
      ] as const)
        progress(stage, fraction);
      return Promise.resolve();
    };
    world.process.evaluate = (_order, progress) => {
      progress('layer', 0.5);
      progress('layer', 1);
      return Promise.resolve();
    };
    await run((fraction, message) => seen.push([Math.round(100 * fraction) / 100, message]));
    expect(seen).toEqual([
      [0.15, 'loading keys'],
      [0.15, 'loading keys'],
      [0.3, 'loading keys'],
      [0.3, 'loading keys'],
      [0.65, 'evaluating'],
      [1, 'evaluating'],
    ]);
    world.process.load = () => Promise.resolve();
    seen.length = 0;
    await run((fraction, message) => seen.push([fraction, message]));
    expect(seen).toEqual([
      [0.5, 'evaluating'],
      [1, 'evaluating'],
    ]);
  });
});

it('has its inputs at hand while it runs, and is told of once its result is where everybody finds it', async () => {
  const did: string[] = [];
  near.bring = async (blobs) => {
    did.push(`brought ${blobs.map(({ key }) => key).join(' ')}`);
    return { [Symbol.dispose]: () => void did.push('given back') };
  };
  near.publish = async (key) => void did.push(`published ${key}`);
  world.process.evaluate = async () => void did.push('evaluated');
  await run();
  expect(did).toEqual(['brought a/0 a/1', 'evaluated', `published ${OUTPUT}`, 'given back']);
});

describe('a crash', () => {
  let attempts: number;
  beforeEach(() => {
    attempts = 0;
    world.process.evaluate = () => {
      attempts++;
      return crash();
    };
  });

  it('is tried once more', async () => {
    world.process.evaluate = () => (++attempts === 1 ? crash() : Promise.resolve());
    expect(await run()).toEqual(EVALUATED);
    expect(attempts).toBe(2);
    expect(world.logged).toEqual(['warn: evaluation is tried again', 'info: evaluated']);
  });

  it('and not again', async () => {
    await expect(run()).rejects.toMatchObject({ code: 'ERROR_EVALUATION_FAILED' });
    expect(attempts).toBe(2);
    expect(world.logged.at(-1)).toBe('warn: evaluation ended ERROR_EVALUATION_FAILED');
    expect(world.metrics.text({})).toContain('outcome="ERROR_EVALUATION_FAILED"} 1');
    expect(world.leases.open).toBe(0);
  });

  it('is not tried again while the server stops, or once nobody wants it', async () => {
    const controller = new AbortController();
    world.process.evaluate = () => {
      attempts++;
      controller.abort();
      return crash();
    };
    await expect(run(undefined, controller.signal)).rejects.toThrow();
    expect(attempts).toBe(1);
    runner.stopping = true;
    await expect(run()).rejects.toThrow();
    expect(attempts).toBe(2);
  });

  it('elsewhere counts, too', async () => {
    await expect(run(undefined, undefined, 1)).rejects.toMatchObject({ code: 'ERROR_EVALUATION_FAILED' });
    expect(attempts).toBe(1);
  });

  it('of any other kind is the job’s own fault', async () => {
    world.process.evaluate = () => {
      attempts++;
      return Promise.reject(new ToolError('ERROR_NOISE_OVERFLOW', 'too much'));
    };
    await expect(run()).rejects.toMatchObject({ code: 'ERROR_NOISE_OVERFLOW' });
    expect(attempts).toBe(1);
  });

  it('says nothing of what is not ours', async () => {
    world.process.evaluate = () => Promise.reject(new TypeError('secret 42'));
    await expect(run()).rejects.toMatchObject({ code: 'ERROR_INTERNAL', message: 'the server failed' });
  });
});

it('what takes too long is ended, and says so', async () => {
  await world[Symbol.asyncDispose]();
  await open(50);
  world.process.evaluate = (_order, _progress, signal) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(new ToolError('ERROR_CANCELLED', 'cancelled')));
    });
  await expect(run()).rejects.toMatchObject({
    code: 'ERROR_TIMEOUT',
    message: 'the evaluation was ended after 0.05 s',
  });
});
