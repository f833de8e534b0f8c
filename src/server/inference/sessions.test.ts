/** Sessions from their first chunk to their result, against evaluation processes that do what the test says. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ToolError } from '../protocol/error-codes.ts';
import type { SessionRecord } from '../storage/records.ts';
import {
  codeOf,
  DONE,
  type EvaluationWorld,
  evaluationWorld,
  wholeChunk,
} from '../testing/evaluation-world.ts';
import { notDone } from './session-outcome.ts';
import type { InferenceRequest } from './sessions.ts';

let world: EvaluationWorld;
beforeEach(async () => {
  world = await evaluationWorld({ sessionsPerClient: 3, queueCapacityPerClient: 1 });
});
afterEach(() => world[Symbol.asyncDispose]());

const QUIET = new AbortController().signal;
const request = (change: Partial<InferenceRequest> = {}): InferenceRequest => ({
  sessionId: 's',
  model: undefined,
  keyRef: undefined,
  ompThreads: undefined,
  parameters: {},
  ...change,
});

function send(content = 'input', sessionId = 's', client = 'client') {
  return world.sessions.accept(client, sessionId, wholeChunk('input.hect', content));
}

function order(change: Partial<InferenceRequest> = {}): Promise<SessionRecord> {
  return world.sessions.order('client', request(change));
}

function wait(record: SessionRecord, signal = QUIET, listener: (fraction: number) => void = () => undefined) {
  return world.sessions.wait(record, listener, signal);
}

/** An evaluation that goes on until it is told to end, or cancelled. */
function hold(): { readonly started: Promise<void>; readonly end: () => void } {
  let end = (): void => undefined;
  const started = new Promise<void>((start) => {
    world.process.evaluate = (_order, _progress, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new ToolError('ERROR_CANCELLED', 'cancelled')));
        end = resolve;
        start();
      });
  });
  return { started, end: () => end() };
}

describe('a session', () => {
  it('opens with its first chunk, for a while', async () => {
    expect(await codeOf(() => world.sessions.get('client', 's'))).toBe('ERROR_UNKNOWN_SESSION');
    const before = Date.now();
    await send();
    const { record, files, stand } = await world.sessions.status('client', 's');
    expect(record).toMatchObject({
      state: 'staging',
      model: null,
      keyRef: null,
      queuedAt: null,
      outcome: null,
    });
    expect(record.expiresAt - record.createdAt).toBe(world.limits.sessionLifetimeMs);
    expect(record.createdAt).toBeGreaterThanOrEqual(before);
    expect(files).toMatchObject([{ file_name: 'input.hect', received_bytes: 5 }]);
    expect(stand).toBeNull();
    expect(await codeOf(() => world.sessions.get('neighbour', 's'))).toBe('ERROR_UNKNOWN_SESSION');
  });

  it.each([
    ['ERROR_SESSION_EXPIRED', 0],
    ['none', 1],
  ])('ends with its time: %s', async (code, left) => {
    await send();
    const now = vi
      .spyOn(Date, 'now')
      .mockReturnValue((await world.sessions.get('client', 's')).expiresAt - left);
    expect(await codeOf(() => world.sessions.get('client', 's'))).toBe(code);
    now.mockRestore();
  });

  it('is one of so many that a client may have', async () => {
    for (const name of ['a', 'b', 'c']) await send('x', name);
    await expect(send('x', 'd')).rejects.toMatchObject({
      code: 'ERROR_QUOTA_EXCEEDED',
      message: 'this client has 3 sessions open',
    });
    await send('x', 'a');
    await send('x', 'd', 'neighbour');
  });

  it('is one of so many also if they are opened at once', async () => {
    const codes = await Promise.all(
      ['a', 'b', 'c', 'd', 'e', 'a'].map((name) => codeOf(() => send('x', name))),
    );
    expect(codes.filter((code) => code === 'ERROR_QUOTA_EXCEEDED')).toHaveLength(2);
    expect(codes.filter((code) => code === 'none')).toHaveLength(4);
    expect(await world.store.sessionCount('client')).toBe(3);
  });

  it('takes as many bytes as an input of the model can have', async () => {
    const { maxInputBytes } = world.catalog.all[0]!;
    const content = 'x'.repeat(maxInputBytes);
    expect(maxInputBytes).toBeLessThan(world.limits.maxChunkBytes);
    await expect(send(`${content}x`)).rejects.toMatchObject({ code: 'ERROR_QUOTA_EXCEEDED' });
    expect(await send(content)).toMatchObject({ complete: true });
  });

  it('leaves nothing when it is removed, not even while it is evaluated', async () => {
    await world.provide('client', 'keys');
    await send();
    const { started } = hold();
    const record = await order();
    await started;
    await world.sessions.remove(record);
    expect(await codeOf(() => world.sessions.get('client', 's'))).toBe('ERROR_UNKNOWN_SESSION');
    expect(await world.store.stagedBytes('client')).toBe('keys'.length);
    expect(world.leases.open).toBe(0);
  });
});

describe('what can be refused is refused before anything is queued', () => {
  it.each<[string, Partial<InferenceRequest>, string]>([
    ['a session that is not there', { sessionId: 'other' }, 'ERROR_UNKNOWN_SESSION'],
    ['a model that is not there', { model: 'other' }, 'ERROR_UNKNOWN_MODEL'],
    ['keys that are not there', { keyRef: `hekey:${'0'.repeat(64)}` }, 'ERROR_UNKNOWN_KEY'],
    ['parameters that are not the model’s', { parameters: { batch_size: 7 } }, 'ERROR_PARAMETER_MISMATCH'],
  ])('%s', async (_what, change, code) => {
    await world.provide('client', 'keys');
    await send();
    expect(await codeOf(() => order(change))).toBe(code);
    expect((await world.sessions.get('client', 's')).state).toBe('staging');
    expect(await world.queue.gauges()).toEqual({ waiting: 0, running: 0 });
  });

  it('a client without keys, and inputs that have not arrived', async () => {
    await world.sessions.accept('client', 's', { ...wholeChunk('input.hect', 'in'), totalChunks: 2 });
    expect(await codeOf(() => order())).toBe('ERROR_UNKNOWN_KEY');
    await world.provide('client', 'keys');
    expect(await codeOf(() => order())).toBe('ERROR_UPLOAD_INCOMPLETE');
  });

  it('keys of other parameters', async () => {
    const { keyRef } = await world.provide('client', 'keys');
    await world.store.putKeySet({ ...(await world.keys.get('client', keyRef)), algorithmId: 'other' });
    await send();
    expect(await codeOf(() => order({ keyRef }))).toBe('ERROR_PARAMETER_MISMATCH');
  });

  it('more than may wait', async () => {
    await world.provide('client', 'keys');
    for (const name of ['a', 'b', 'c']) await send('x', name);
    const { started, end } = hold();
    await order({ sessionId: 'a' });
    await started;
    const waiting = await order({ sessionId: 'b' });
    expect((await world.sessions.status('client', 'b')).stand).toEqual({
      ...{ position: { ahead: 0, running: false }, progress: null },
    });
    expect(await codeOf(() => order({ sessionId: 'c' }))).toBe('ERROR_BUSY');
    expect((await world.sessions.get('client', 'c')).state).toBe('staging');
    world.process.evaluate = () => Promise.resolve();
    end();
    expect((await wait(waiting)).state).toBe('done');
  });
});

describe('an evaluation', () => {
  beforeEach(async () => {
    await world.provide('client', 'keys');
    await send();
  });

  it('is queued, runs, and leaves its result in place of its inputs', async () => {
    const fractions: number[] = [];
    let go = (): void => undefined;
    const heard = new Promise<void>((resolve) => (go = resolve));
    world.process.evaluate = async (_order, progress) => {
      await heard;
      expect((await world.sessions.get('client', 's')).state).toBe('running');
      for (const fraction of [0.5, 0.2, 1]) progress('layer', fraction);
      expect((await world.sessions.status('client', 's')).stand?.progress?.fraction).toBe(1);
    };
    const record = await order({ ompThreads: 2 });
    expect(record).toMatchObject({ state: 'queued', model: 'small', ompThreads: 2 });
    expect(record.keyRef).toBe((await world.keys.list('client'))[0]!.keyRef);
    expect(record.queuedAt).toBeGreaterThan(0);
    expect(await codeOf(() => world.sessions.get('client', 's'))).toBe('none');
    const waiting = wait(record, QUIET, (fraction) => fractions.push(fraction));
    go();
    const done = await waiting;
    expect(done).toMatchObject({ state: 'done', outcome: DONE });
    // Never less than before.
    expect(fractions).toEqual([0.5, 0.5, 1]);
    expect(world.requests.at(-1)!.need.threads).toBe(2);
    const { bytes } = await world.sessions.result('client', 's');
    expect(Buffer.from(bytes).toString()).toBe('out');
    expect((await world.sessions.status('client', 's')).files).toEqual([]);
    expect(await world.store.stagedBytes('client')).toBe('keys'.length);
    expect(world.leases.open).toBe(0);
  });

  it('is done once: who asks again joins it, or gets the same result', async () => {
    const { started, end } = hold();
    let evaluations = 0;
    const { evaluate } = world.process;
    world.process.evaluate = (...args) => {
      evaluations++;
      return evaluate(...args);
    };
    const first = await order();
    await started;
    expect((await order()).state).toBe('running');
    const both = Promise.all([wait(first), wait(first)]);
    end();
    expect((await both).map(({ state }) => state)).toEqual(['done', 'done']);
    expect(await order()).toMatchObject({ state: 'done', outcome: DONE });
    expect(await wait(first)).toMatchObject({ state: 'done', outcome: DONE });
    expect(evaluations).toBe(1);
  });

  it('is one, however often it is ordered at once', async () => {
    let evaluations = 0;
    world.process.evaluate = async () => void evaluations++;
    let now = Date.now();
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => ++now);
    const records = await Promise.all([1, 2, 3].map(() => order()));
    clock.mockRestore();
    expect(new Set(records.map(({ queuedAt }) => queuedAt)).size).toBe(1);
    const ended = await Promise.all(records.map((record) => wait(record)));
    expect(ended.map(({ state }) => state)).toEqual(['done', 'done', 'done']);
    expect(evaluations).toBe(1);
  });

  it('fixes inputs, keys and parameters', async () => {
    const record = await order();
    expect((await wait(record)).state).toBe('done');
    await expect(send('other')).rejects.toMatchObject({
      code: 'ERROR_SESSION_CLOSED',
      message: 'the session is done: its inputs are fixed',
    });
    expect(await codeOf(() => order({ keyRef: `hekey:${'0'.repeat(64)}` }))).toBe('ERROR_SESSION_CLOSED');
    expect(await codeOf(() => order({ parameters: { batch_size: 7 } }))).toBe('ERROR_PARAMETER_MISMATCH');
    expect(await codeOf(() => order({ keyRef: record.keyRef! }))).toBe('none');
  });

  it('that failed says why, and may be asked for again', async () => {
    world.process.evaluate = () => Promise.reject(new ToolError('ERROR_NOISE_OVERFLOW', 'too much'));
    expect(await wait(await order())).toMatchObject({
      state: 'failed',
      outcome: { ok: false, errorCode: 'ERROR_NOISE_OVERFLOW', message: 'too much' },
    });
    await expect(world.sessions.result('client', 's')).rejects.toMatchObject({
      code: 'ERROR_NOISE_OVERFLOW',
      message: 'too much',
    });
    await send('input');
    world.process.evaluate = () => Promise.resolve();
    expect(await wait(await order())).toMatchObject({ state: 'done', outcome: DONE });
  });

  it('has no result before it is done', async () => {
    await expect(world.sessions.result('client', 's')).rejects.toMatchObject({
      code: 'ERROR_RESULT_NOT_READY',
      message: 'the session is staging',
      retryAfterMs: 500,
    });
    const record = await world.sessions.get('client', 's');
    expect(notDone({ ...record, state: 'cancelled' })).toMatchObject({ code: 'ERROR_CANCELLED' });
    const odd = { ok: false, errorCode: 'NOT_OF_OURS', message: 'x' } as const;
    expect(notDone({ ...record, state: 'failed', outcome: odd })).toMatchObject({ code: 'ERROR_INTERNAL' });
  });
});

describe('cancelling', () => {
  beforeEach(async () => {
    await world.provide('client', 'keys');
    await send();
  });

  it('ends what runs', async () => {
    const { started } = hold();
    await order();
    await started;
    expect(await world.sessions.cancel('client', 's')).toMatchObject({ state: 'cancelled' });
    expect((await world.sessions.get('client', 's')).state).toBe('cancelled');
    expect(world.leases.open).toBe(0);
  });

  it('changes nothing where nothing runs', async () => {
    expect(await world.sessions.cancel('client', 's')).toMatchObject({ state: 'staging' });
  });

  it('is not what going away means for an evaluation that was ordered to go on', async () => {
    const { started, end } = hold();
    const record = await order();
    await started;
    await world.sessions.detach(record);
    const controller = new AbortController();
    const waited = wait(record, controller.signal);
    controller.abort();
    // Who has gone away hears no more of it.
    expect((await waited).state).toBe('running');
    expect((await world.sessions.get('client', 's')).state).toBe('running');
    const after = wait(record);
    end();
    expect((await after).state).toBe('done');
  });

  it('happens when the only one who waits goes away, before or while', async () => {
    for (const early of [true, false]) {
      const { started } = hold();
      const record = await order();
      await started;
      const controller = new AbortController();
      if (early) controller.abort();
      const waited = wait(record, controller.signal);
      controller.abort();
      expect((await waited).state).toBe('cancelled');
    }
  });

  it('does not happen while somebody else waits', async () => {
    const { started, end } = hold();
    const record = await order();
    await started;
    const controller = new AbortController();
    const [leaving, staying] = [wait(record, controller.signal), wait(record)];
    controller.abort();
    expect((await leaving).state).toBe('running');
    end();
    expect((await staying).state).toBe('done');
  });
});

describe('after a start', () => {
  it('evaluations that had not ended go on, and those whose keys are gone fail', async () => {
    await world.provide('client', 'keys');
    const { keyRef } = (await world.keys.list('client'))[0]!;
    for (const name of ['a', 'b', 'c']) await send('x', name);
    const put = async (sessionId: string, change: Partial<SessionRecord>): Promise<void> =>
      world.store.putSession({
        ...(await world.sessions.get('client', sessionId)),
        model: 'small',
        queuedAt: 1,
        ...change,
      });
    await put('a', { state: 'running', keyRef });
    await put('b', { state: 'queued', keyRef: 'gone' });
    expect(await world.sessions.recover()).toBe(2);
    expect(await world.sessions.get('client', 'b')).toMatchObject({
      state: 'failed',
      outcome: { errorCode: 'ERROR_UNKNOWN_KEY' },
    });
    const record = await world.sessions.get('client', 'a');
    const controller = new AbortController();
    const waited = wait(record, controller.signal);
    // Nobody need wait for it.
    controller.abort();
    expect((await waited).state).not.toBe('cancelled');
    expect((await wait(record)).state).toBe('done');
    expect((await world.sessions.get('client', 'c')).state).toBe('staging');
  });
});

describe('without the name of a model', () => {
  it('the session’s, that of the keys, or the only one is meant', async () => {
    await world[Symbol.asyncDispose]();
    world = await evaluationWorld({}, ['first', 'second']);
    const second = world.catalog.get('second');
    const { keyRef } = await world.provide('client', 'keys', second);
    await send();
    expect((await wait(await order())).model).toBe('second');
    await send('input', 't');
    expect((await wait(await order({ sessionId: 't', model: 'first', keyRef }))).model).toBe('first');
    expect((await order({ sessionId: 't' })).model).toBe('first');
    expect(await codeOf(() => order({ sessionId: 't', model: 'second' }))).toBe('ERROR_SESSION_CLOSED');
  });
});
