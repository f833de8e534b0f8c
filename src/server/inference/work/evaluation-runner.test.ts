/** One evaluation: progress, what a crash or a time limit makes of it, and what is counted and logged. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ToolError } from '../protocol/error-codes.ts';
import type { KeySetRecord, SessionRecord } from '../storage/records.ts';
import { DONE, type EvaluationWorld, evaluationWorld } from '../testing/evaluation-world.ts';
import { outcomeError, resultKey } from './evaluation-runner.ts';

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

let world: EvaluationWorld;
let keySet: KeySetRecord;
beforeEach(async () => {
  world = await evaluationWorld({ evaluationTimeoutMs: 60_000 });
  keySet = await world.provide('client', 'keys');
});
afterEach(() => world[Symbol.asyncDispose]());

function run(
  progress: (fraction: number, message: string) => void = () => undefined,
  signal = new AbortController().signal,
) {
  const files = [{ fileName: 'input.hect', chunks: ['a/0', 'a/1'], bytes: 2 }];
  return world.runner.run({ record: RECORD, keySet, model: world.catalog.all[0]!, files, signal }, progress);
}

const crash = () => Promise.reject(new ToolError('ERROR_EVALUATION_FAILED', 'crashed'));

describe('an evaluation', () => {
  it('reads the chunks in order, writes beside them, and is counted', async () => {
    world.process.evaluate = (order) => {
      expect(order).toEqual({
        inputs: [{ chunks: ['a/0', 'a/1'], sha256: null }],
        outputKey: 'session/client/s/result',
      });
      return Promise.resolve();
    };
    expect(await run()).toEqual(DONE);
    expect(resultKey(RECORD)).toBe('session/client/s/result');
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
    expect(await run()).toEqual(DONE);
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
    world.runner.stopping = true;
    await expect(run()).rejects.toThrow();
    expect(attempts).toBe(2);
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
  world = await evaluationWorld({ evaluationTimeoutMs: 50 });
  keySet = await world.provide('client', 'keys');
  world.process.evaluate = (_order, _progress, signal) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(new ToolError('ERROR_CANCELLED', 'cancelled')));
    });
  await expect(run()).rejects.toMatchObject({
    code: 'ERROR_TIMEOUT',
    message: 'the evaluation was ended after 0.05 s',
  });
});

describe('what becomes of a session whose evaluation did not succeed', () => {
  const after = (code: ConstructorParameters<typeof ToolError>[0]) =>
    world.runner.failed(RECORD, new ToolError(code, 'so'));

  it('it failed, was cancelled, or was never queued', () => {
    expect(after('ERROR_NOISE_OVERFLOW')).toEqual({
      ...RECORD,
      state: 'failed',
      outcome: { ok: false, errorCode: 'ERROR_NOISE_OVERFLOW', message: 'so' },
    });
    expect(after('ERROR_CANCELLED')).toEqual({ ...RECORD, state: 'cancelled' });
    expect(after('ERROR_BUSY')).toEqual({ ...RECORD, state: 'staging', queuedAt: null });
    expect(after('ERROR_SHUTTING_DOWN').state).toBe('failed');
    expect(outcomeError(after('ERROR_NOISE_OVERFLOW'))).toMatchObject({ code: 'ERROR_NOISE_OVERFLOW' });
    expect(outcomeError(RECORD)).toBeNull();
    expect(outcomeError({ ...RECORD, outcome: DONE })).toBeNull();
  });

  it('it waits for the next start if this one ended it', () => {
    world.runner.stopping = true;
    for (const code of ['ERROR_CANCELLED', 'ERROR_SHUTTING_DOWN', 'ERROR_EVALUATION_FAILED'] as const) {
      expect(after(code)).toEqual({ ...RECORD, state: 'queued' });
    }
    expect(after('ERROR_NOISE_OVERFLOW').state).toBe('failed');
  });
});
