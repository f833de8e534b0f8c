import { describe, expect, it } from 'vitest';
import { ToolError } from '../protocol/error-codes.ts';
import type { FairQueueOptions } from './fair-queue.ts';
import { FairQueue } from './fair-queue.ts';

const OPTIONS: FairQueueOptions = {
  concurrency: 1,
  capacity: 100,
  capacityPerClient: 50,
  concurrencyPerClient: 1,
  quantum: 1,
  quantumMs: 0,
};

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Submits jobs "a0", "a1", "b0", … and returns the order in which they ran. */
async function orderOf(options: Partial<FairQueueOptions>, jobs: readonly string[]): Promise<string[]> {
  const queue = new FairQueue({ ...OPTIONS, ...options });
  const order: string[] = [];
  await Promise.all(
    jobs.map((name) =>
      queue.submit({ clientId: name[0]!, sessionId: name, affinity: name[0]! }, async () => {
        order.push(name);
        await tick();
      }),
    ),
  );
  return order;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'done',
    (error: unknown) => (error instanceof ToolError ? error.code : 'another error'),
  );
}

describe('the fair queue', () => {
  it('takes turns between clients and keeps order within each', async () => {
    expect(await orderOf({}, ['a0', 'a1', 'a2', 'b0', 'b1', 'c0'])).toEqual([
      'a0',
      'a1',
      'b0',
      'c0',
      'a2',
      'b1',
    ]);
  });

  it('lets a client run a few in a row, but no more while others wait', async () => {
    // The first one runs before anybody waits.
    const order = await orderOf({ quantum: 2 }, ['a0', 'a1', 'a2', 'a3', 'b0', 'b1', 'b2']);
    expect(order).toEqual(['a0', 'a1', 'a2', 'b0', 'b1', 'a3', 'b2']);
  });

  it('lets short ones go on while the turn is young, and then passes it on', async () => {
    const jobs = ['a0', 'a1', 'a2', 'a3', 'b0', 'b1'];
    expect(await orderOf({ quantumMs: 60_000 }, jobs)).toEqual(jobs);
    const queue = new FairQueue({ ...OPTIONS, quantumMs: 50 });
    const order: string[] = [];
    const submit = (name: string): Promise<void> =>
      queue.submit({ clientId: name[0]!, sessionId: name, affinity: '' }, async () => {
        order.push(name);
        await new Promise((resolve) => setTimeout(resolve, name === 'a1' || name === 'a2' ? 80 : 0));
      });
    // a0 runs before anybody waits; a1 may load, which is not counted; a2 uses the moment up: the job after it was decided on, and then it is b's turn.
    await Promise.all(['a0', 'a1', 'a2', 'a3', 'a4', 'b0'].map(submit));
    expect(order).toEqual(['a0', 'a1', 'a2', 'a3', 'b0', 'a4']);
  });

  it('starves nobody when several run at once', async () => {
    const jobs = ['a', 'b', 'c'].flatMap((client) => Array.from({ length: 12 }, (_, i) => `${client}${i}`));
    const order = await orderOf({ concurrency: 2, quantum: 3 }, jobs);
    expect(order).toHaveLength(36);
    expect(order.findIndex((name) => name.startsWith('c'))).toBeLessThan(9);
  });

  it('refuses what is too much at once, for one client and for all', async () => {
    const queue = new FairQueue({ ...OPTIONS, capacity: 3, capacityPerClient: 2 });
    const submit = (clientId: string): Promise<string> =>
      codeOf(queue.submit({ clientId, sessionId: 's', affinity: '' }, tick));
    const results = await Promise.all([
      submit('a'),
      submit('a'),
      submit('a'),
      submit('a'),
      submit('b'),
      submit('c'),
    ]);
    expect(results).toEqual(['done', 'done', 'done', 'ERROR_BUSY', 'done', 'ERROR_BUSY']);
  });

  it('cancels what waits and what runs, and knows who is ahead', async () => {
    const queue = new FairQueue(OPTIONS);
    const job = (sessionId: string): Promise<string> =>
      codeOf(
        queue.submit(
          { clientId: 'a', sessionId, affinity: '' },
          ({ signal }) =>
            new Promise((_resolve, reject) => {
              signal.addEventListener('abort', () => reject(new ToolError('ERROR_CANCELLED', 'cancelled')));
            }),
        ),
      );
    const running = job('0');
    const waiting = job('1');
    expect(queue.position('a', '0')).toEqual({ ahead: 0, running: true });
    expect(queue.position('a', '1')).toEqual({ ahead: 0, running: false });
    expect(queue.cancel('b', '0')).toBe(false);
    expect(queue.cancel('a', '1')).toBe(true);
    expect(queue.cancel('a', '0')).toBe(true);
    expect(await Promise.all([running, waiting])).toEqual(['ERROR_CANCELLED', 'ERROR_CANCELLED']);
    expect(queue.position('a', '0')).toBeNull();
  });

  it('takes nothing more once closed, and waits for what runs', async () => {
    const queue = new FairQueue(OPTIONS);
    let ended = false;
    const running = codeOf(
      queue.submit({ clientId: 'a', sessionId: '0', affinity: '' }, async () => {
        await new Promise((resolve) => setTimeout(resolve, 30));
        ended = true;
      }),
    );
    const waiting = codeOf(queue.submit({ clientId: 'a', sessionId: '1', affinity: '' }, tick));
    await queue.close(10_000);
    expect(ended).toBe(true);
    expect(await running).toBe('done');
    expect(await waiting).toBe('ERROR_SHUTTING_DOWN');
    expect(await codeOf(queue.submit({ clientId: 'a', sessionId: '2', affinity: '' }, tick))).toBe(
      'ERROR_SHUTTING_DOWN',
    );
  });
});
