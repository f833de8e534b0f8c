/** What comes of a job that is claimed, and of those under way when the worker ends; processes do what the test says. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BackendError } from '../../../errors.ts';
import { ToolError } from '../../protocol/error-codes.ts';
import type { SessionRecord } from '../../storage/records.ts';
import {
  DONE,
  type EvaluationWorld,
  evaluationWorld,
  keyFile,
  wholeChunk,
} from '../../testing/evaluation-world.ts';
import { affinityOf } from '../key-sets.ts';
import { newResultKey, resultKeyOf } from '../session-outcome.ts';

const QUIET = new AbortController().signal;
const INTERRUPTED = ['ERROR_CANCELLED', 'ERROR_SHUTTING_DOWN', 'ERROR_EVALUATION_FAILED'] as const;

let world: EvaluationWorld;
beforeEach(async () => {
  world = await evaluationWorld({ evaluationsAtOnce: 2, evaluationsAtOncePerClient: 5 });
});
afterEach(() => world[Symbol.asyncDispose]());

async function order(sessionId = 's'): Promise<SessionRecord> {
  await world.sessions.accept('client', sessionId, wholeChunk('input.hect', 'input'));
  const [model, keyRef, ompThreads] = [undefined, undefined, undefined];
  return world.sessions.order('client', { sessionId, model, keyRef, ompThreads, parameters: {} });
}

const stateOf = async (sessionId = 's') => (await world.sessions.get('client', sessionId)).state;
const wait = (record: SessionRecord) => world.sessions.wait(record, () => undefined, QUIET);

/** Evaluations that fail like this when they are told to stop. */
function holdUntilStopped(code: ConstructorParameters<typeof ToolError>[0]): Promise<void> {
  return new Promise((start) => {
    world.process.evaluate = (_order, _progress, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new ToolError(code, 'so')));
        start();
      });
  });
}

describe('a session', () => {
  beforeEach(async () => void (await world.provide('client', 'keys')));

  it('is evaluated under a name of that attempt’s own, which its record then says', async () => {
    const orders: string[] = [];
    world.process.evaluate = async ({ outputKey }) => void orders.push(outputKey);
    const ended = await wait(await order());
    expect(ended).toMatchObject({ state: 'done', outcome: DONE });
    expect(orders).toEqual([resultKeyOf(ended)]);
    expect(orders[0]).toMatch(new RegExp(`^${newResultKey(ended, 0).slice(0, -1)}[1-9]`));
  });

  it('fails whose keys were revoked while it waited, and no process is asked', async () => {
    const started = holdUntilStopped('ERROR_CANCELLED');
    const [first, second] = [await order('a'), await order('b')];
    await started;
    const third = await order('c');
    const before = world.requests.length;
    await world.store.revokeKeys('client', third.keyRef!);
    for (const { sessionId } of [first, second]) await world.sessions.cancel('client', sessionId);
    expect(await wait(third)).toMatchObject({
      state: 'failed',
      outcome: { errorCode: 'ERROR_KEY_REVOKED' },
    });
    expect(world.requests).toHaveLength(before);
  });

  it.each(['DATABASE_UNAVAILABLE', 'OBJECT_STORE_UNAVAILABLE'])('is begun anew after %s', async (code) => {
    let attempts = 0;
    world.process.evaluate = async () => {
      if (++attempts === 1) throw new BackendError(code, 'away');
    };
    expect(await wait(await order())).toMatchObject({ state: 'done' });
    expect(attempts).toBe(2);
  });

  it('is not begun anew, should it have been cancelled meanwhile', async () => {
    world.process.evaluate = async (_order, _progress, signal) => {
      void world.sessions.cancel('client', 's');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new BackendError('OBJECT_STORE_UNAVAILABLE', 'away');
    };
    expect((await wait(await order())).state).not.toBe('done');
  });

  it('runs beside as many others as may be', async () => {
    let [running, most] = [0, 0];
    world.process.evaluate = async () => {
      most = Math.max(most, ++running);
      for (let i = 0; i < 5; i++) await new Promise(setImmediate);
      running--;
    };
    const records = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(order));
    await Promise.all(records.map(wait));
    expect(most).toBe(2);
  });
});

describe('what comes in as a job ends', () => {
  it('stays, should keys that were rejected be sent again', async () => {
    world.process.load = () => Promise.reject(new ToolError('ERROR_INVALID_EVALUATION_KEY', 'so'));
    const remove = world.staging.remove.bind(world.staging);
    const removed = new Promise<void>((resolve) => {
      vi.spyOn(world.staging, 'remove').mockImplementationOnce(async (...given) => {
        await remove(...given);
        const { record } = await world.keys.begin('client', world.catalog.all[0]!, [keyFile('keys')]);
        await world.keys.accept('client', record.keyRef, wholeChunk('keys.hekeys', 'keys'));
        await remove(...given);
        resolve();
      });
    });
    await expect(world.provide('client', 'keys')).rejects.toMatchObject({
      code: 'ERROR_INVALID_EVALUATION_KEY',
    });
    await removed;
    expect(await world.store.stagedBytes('client')).toBe(4);
  });

  it('stays, should its session have been discarded and opened again', async () => {
    await world.provide('client', 'keys');
    const removeInputs = world.staging.removeInputs.bind(world.staging);
    const removed = new Promise<void>((resolve) => {
      vi.spyOn(world.staging, 'removeInputs').mockImplementationOnce(async (...given) => {
        await world.sessions.remove(await world.sessions.get('client', 's'));
        await world.sessions.accept('client', 's', wholeChunk('input.hect', 'anew'));
        await removeInputs(...given);
        resolve();
      });
    });
    await order();
    await removed;
    expect((await world.sessions.status('client', 's')).files).toMatchObject([{ received_bytes: 4 }]);
  });
});

describe('the end of a worker', () => {
  it.each(INTERRUPTED)('leaves what it interrupts, %s, to the next start', async (code) => {
    await world.provide('client', 'keys');
    const started = holdUntilStopped(code);
    const record = await order();
    await started;
    const waiting = wait(record);
    await world.queue.close();
    await world.worker.drain(0);
    expect((await waiting).state).toBe('queued');
    expect(await world.sessions.get('client', 's')).toMatchObject({ outcome: null });
    expect(await world.store.unfinishedSessions()).toHaveLength(1);
    expect(world.leases.open).toBe(0);
  });

  it('does not undo what ended otherwise meanwhile', async () => {
    await world.provide('client', 'keys');
    const started = holdUntilStopped('ERROR_NOISE_OVERFLOW');
    await order();
    await started;
    await world.queue.close();
    await world.worker.drain(0);
    expect(await stateOf()).toBe('failed');
  });

  it('lets what is under way end within its grace, and takes nothing more', async () => {
    await world.provide('client', 'keys');
    let end = (): void => undefined;
    const started = new Promise<void>((start) => {
      world.process.evaluate = (_order, _progress, signal) =>
        new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => reject(new ToolError('ERROR_CANCELLED', 'so')));
          end = resolve;
          start();
        });
    });
    await order();
    await started;
    const drained = world.worker.drain(60_000);
    await order('t');
    end();
    await drained;
    expect([await stateOf('s'), await stateOf('t')]).toEqual(['done', 'queued']);
  });

  it('leaves keys that it was loading as they were', async () => {
    const started = new Promise<void>((start) => {
      world.process.load = (_request, _progress, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new ToolError('ERROR_CANCELLED', 'so')));
          start();
        });
    });
    const provided = expect(world.provide('client', 'keys')).rejects.toMatchObject({
      code: 'ERROR_SHUTTING_DOWN',
    });
    await started;
    await world.queue.close();
    await world.worker.drain(0);
    await provided;
    const [record] = await world.keys.list('client');
    expect(record).toMatchObject({ state: 'provisioning', rejection: null });
    expect(world.requests.map(({ affinity }) => affinity)).toEqual([
      affinityOf(record!, world.catalog.all[0]!),
    ]);
    expect(await world.store.stagedBytes('client')).toBe(4);
  });
});

describe('after a start', () => {
  it('what finds no room in the queue is as if it had not been asked for', async () => {
    await world[Symbol.asyncDispose]();
    world = await evaluationWorld({ evaluationsAtOnce: 0, queueCapacity: 1 });
    const { keyRef } = await world.provide('client', 'keys');
    for (const sessionId of ['a', 'b']) {
      await world.sessions.accept('client', sessionId, wholeChunk('input.hect', 'input'));
      const record = await world.sessions.get('client', sessionId);
      const queuedAt = sessionId === 'a' ? 1 : 2;
      await world.store.putSession({ ...record, state: 'running', model: 'small', keyRef, queuedAt });
    }
    expect(await world.sessions.recover()).toBe(2);
    expect(await world.sessions.get('client', 'a')).toMatchObject({ state: 'queued', queuedAt: 1 });
    expect(await world.sessions.get('client', 'b')).toMatchObject({ state: 'staging', queuedAt: null });
  });
});
