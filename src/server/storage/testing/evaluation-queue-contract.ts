/** What every queue keeps to, whatever it is made of. It says nothing of when: what takes effect does so in a while. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { codeOf } from '../../testing/evaluation-world.ts';
import type { Claim, EvaluationQueue, Job, JobKind, JobProgress } from '../evaluation-queue.ts';
import type { MetadataStore } from '../metadata-store.ts';
import type { KeySetRecord, SessionRecord, SessionState } from '../records.ts';

export interface QueueUnderTest extends AsyncDisposable {
  readonly queue: EvaluationQueue;
  /** Its records. */
  readonly store: MetadataStore;
}

/** As the queue is to be made: one job in a turn. */
export const QUEUE_BOUNDS = { capacity: 6, capacityPerClient: 4, concurrencyPerClient: 2 };

const QUIET = new AbortController().signal;
/** Nothing tells from outside; where they have not, whoever leaves first is the last. */
const bothHaveJoined = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000));
const UNHEARD = (): void => undefined;

/** Registers the tests; to be called in a test file. */
export function evaluationQueueContract(
  what: string,
  open: (bounds: typeof QUEUE_BOUNDS) => Promise<QueueUnderTest>,
): void {
  describe(what, () => {
    let under: QueueUnderTest;
    let queue: EvaluationQueue;
    let store: MetadataStore;
    beforeEach(async () => {
      under = await open(QUEUE_BOUNDS);
      ({ queue, store } = under);
    });
    afterEach(() => under[Symbol.asyncDispose]());

    /** A session "a0" is of client "a"; it is there before it is ordered. */
    async function order(name: string): Promise<void> {
      const { clientId, id } = jobOf(name);
      if ((await store.session(clientId, id)) === null) await store.putSession(sessionOf(name, 'staging'));
      await queue.order(jobOf(name), sessionOf(name, 'queued'));
    }
    const state = async (name: string): Promise<SessionState | undefined> =>
      (await store.session(name[0]!, name))?.state;
    const wait = (name: string, signal = QUIET, listener: (progress: JobProgress) => void = UNHEARD) =>
      queue.wait(jobOf(name), listener, signal);
    /** There is one. */
    async function claim(kind: JobKind = 'session'): Promise<Claim> {
      const claimed = await queue.claim({ kind, warm: () => [] }, QUIET);
      if (claimed === null) throw new Error('nothing was to be had');
      return claimed;
    }
    const done = ({ session }: Claim) =>
      ({ kind: 'session', record: { ...session!, state: 'done' } }) as const;

    describe('an order', () => {
      it('writes the session, and whoever claims it has what was ordered', async () => {
        await order('a0');
        const { queuedAt: _, ...ordered } = sessionOf('a0', 'queued');
        expect(await store.session('a', 'a0')).toMatchObject(ordered);
        expect(await queue.stand(jobOf('a0'))).toMatchObject({ position: { ahead: 0, running: false } });
        const claimed = await claim();
        expect(claimed.job).toEqual(jobOf('a0'));
        expect(claimed.session).toMatchObject(ordered);
        expect(claimed).toMatchObject({ losses: 0, signal: { aborted: false } });
        expect(await state('a0')).toBe('running');
        expect(await queue.stand(jobOf('a0'))).toMatchObject({ position: { ahead: 0, running: true } });
        expect(await claimed.end(done(claimed))).toBe(true);
        expect(await state('a0')).toBe('done');
        expect(await queue.stand(jobOf('a0'))).toBeNull();
      });

      it('of what is under way changes nothing, whether it waits or runs', async () => {
        await Promise.all([order('a0'), order('a0'), order('a0')]);
        const first = await claim();
        await order('a0');
        await order('a1');
        expect(await state('a0')).toBe('running');
        const second = await claim();
        expect([first.job.id, second.job.id]).toEqual(['a0', 'a1']);
        expect(await queue.gauges()).toMatchObject({ waiting: 0, running: 2 });
      });

      it('may follow one that has ended', async () => {
        await order('a0');
        const first = await claim();
        await first.end({ kind: 'session', record: sessionOf('a0', 'failed') });
        await order('a0');
        expect(await state('a0')).toBe('queued');
        const second = await claim();
        expect(second.job.id).toBe('a0');
        expect(second.epoch).toBeGreaterThan(first.epoch);
      });

      it('is found by whoever asked before there was one', async () => {
        const claimed = queue.claim({ kind: 'session', warm: () => [] }, QUIET);
        await order('a0');
        expect((await claimed)?.job.id).toBe('a0');
      });
    });

    describe('jobs are claimed', () => {
      it('in their order within a client, and in turns between clients', async () => {
        for (const name of ['a0', 'a1', 'a2', 'b0', 'b1', 'c0']) await order(name);
        const claimed: string[] = [];
        for (let i = 0; i < 6; i++) {
          const next = await claim();
          claimed.push(next.job.id);
          await next.end(done(next));
        }
        const rounds = [claimed.slice(0, 3), claimed.slice(3, 5), claimed.slice(5)];
        expect(rounds.map((round) => round.toSorted())).toEqual([['a0', 'b0', 'c0'], ['a1', 'b1'], ['a2']]);
      });

      it('once, by however many', async () => {
        const claims = Array.from({ length: 4 }, () => claim());
        for (const name of ['a0', 'a1', 'b0', 'b1']) await order(name);
        const claimed = await Promise.all(claims);
        expect(claimed.map(({ job }) => job.id).toSorted()).toEqual(['a0', 'a1', 'b0', 'b1']);
        expect(await queue.gauges()).toMatchObject({ waiting: 0, running: 4 });
      });

      it('no more of a client at once than may be', async () => {
        for (const name of ['a0', 'a1', 'a2']) await order(name);
        const [first, second] = [await claim(), await claim()];
        await order('b0');
        expect([first.job.id, second.job.id, (await claim()).job.id]).toEqual(['a0', 'a1', 'b0']);
        expect(await queue.gauges()).toMatchObject({ waiting: 1, running: 3 });
        await first.end(done(first));
        expect((await claim()).job.id).toBe('a2');
      });

      it.each(['session', 'keys'] as const)('of the kind that is asked for, %s first', async (first) => {
        await store.putKeySet(keySetOf('b'));
        await order('a0');
        await queue.order(keysJob('b'), null);
        const second = first === 'keys' ? 'session' : 'keys';
        const claimed = [await claim(first), await claim(second)];
        expect(claimed.map(({ job }) => job.kind)).toEqual([first, second]);
        expect(claimed.find(({ job }) => job.kind === 'keys')?.session).toBeNull();
        expect(await queue.gauges()).toMatchObject({ waiting: 0, running: 1 });
      });

      it('by nobody who has gone away', async () => {
        const gone = new AbortController();
        const claimed = queue.claim({ kind: 'session', warm: () => [] }, gone.signal);
        gone.abort();
        expect(await claimed).toBeNull();
        expect(await queue.claim({ kind: 'session', warm: () => [] }, gone.signal)).toBeNull();
        await order('a0');
        expect((await claim()).job.id).toBe('a0');
      });

      it('with a place that says how many are before', async () => {
        for (const name of ['a0', 'a1', 'b0']) await order(name);
        expect((await queue.stand(jobOf('a1')))?.position).toEqual({ ahead: 2, running: false });
        expect(await queue.stand(jobOf('c0'))).toBeNull();
      });
    });

    describe('what is too much', () => {
      it('for one client is refused, and nothing is written', async () => {
        for (const name of ['a0', 'a1', 'a2', 'a3']) await order(name);
        expect(await codeOf(() => queue.requireRoom('a'))).toBe('ERROR_BUSY');
        expect(await codeOf(() => order('a4'))).toBe('ERROR_BUSY');
        expect(await state('a4')).toBe('staging');
        expect(await queue.stand(jobOf('a4'))).toBeNull();
        expect(await codeOf(() => queue.requireRoom('b'))).toBe('none');
        // What runs does not wait.
        await claim();
        expect(await codeOf(() => order('a4'))).toBe('none');
      });

      it('for all is refused to all', async () => {
        // Keys have a bound of their own: the memory that they take.
        for (const clientId of ['c', 'd']) await store.putKeySet(keySetOf(clientId));
        await queue.order(keysJob('c'), null);
        for (const name of ['a0', 'a1', 'a2', 'b0', 'b1', 'b2']) await order(name);
        expect(await codeOf(() => queue.requireRoom('c'))).toBe('ERROR_BUSY');
        expect(await codeOf(() => order('c0'))).toBe('ERROR_BUSY');
        expect(await state('c0')).toBe('staging');
        expect(await codeOf(() => queue.order(keysJob('d'), null))).toBe('none');
        expect(await queue.gauges()).toMatchObject({ waiting: 6, running: 0 });
      });

      it('is so also if it comes at once', async () => {
        const names = Array.from({ length: 7 }, (_, i) => `a${i}`);
        const codes = await Promise.all(names.map((name) => codeOf(() => order(name))));
        expect(codes.toSorted()).toEqual([
          ...Array<string>(3).fill('ERROR_BUSY'),
          ...Array<string>(4).fill('none'),
        ]);
        const states = await Promise.all(names.map(state));
        expect(states.filter((each) => each === 'queued')).toHaveLength(4);
        expect(await queue.gauges()).toMatchObject({ waiting: 4, running: 0 });
      });
    });

    describe('cancelling', () => {
      it('takes away what waits', async () => {
        for (const name of ['a0', 'a1']) await order(name);
        const waiting = wait('a0');
        expect(await queue.cancel(jobOf('a0'))).toBe(true);
        await waiting;
        expect(await state('a0')).toBe('cancelled');
        expect(await queue.stand(jobOf('a0'))).toBeNull();
        expect(await queue.cancel(jobOf('a0'))).toBe(false);
        expect((await claim()).job.id).toBe('a1');
      });

      it('aborts what runs, which is under way until whoever does it says otherwise', async () => {
        await order('a0');
        const claimed = await claim();
        expect(await queue.cancel(jobOf('a0'))).toBe(true);
        await vi.waitFor(() => expect(claimed.signal.aborted).toBe(true), PATIENCE);
        expect((await queue.stand(jobOf('a0')))?.position.running).toBe(true);
        const waiting = wait('a0');
        expect(await claimed.end({ kind: 'session', record: sessionOf('a0', 'cancelled') })).toBe(true);
        await waiting;
        expect(await state('a0')).toBe('cancelled');
      });

      it('is of that job alone', async () => {
        await order('a0');
        const claimed = await claim();
        const { clientId, id } = jobOf('a0');
        expect(await queue.cancel({ kind: 'session', clientId: 'b', id })).toBe(false);
        expect(await queue.cancel({ kind: 'keys', clientId, id })).toBe(false);
        expect(claimed.signal.aborted).toBe(false);
      });
    });

    describe('whoever waits', () => {
      it('hears of progress, as does who asks, and never of less than before', async () => {
        await order('a0');
        const heard: number[] = [];
        const waiting = wait('a0', QUIET, ({ fraction }) => heard.push(fraction));
        expect((await queue.stand(jobOf('a0')))?.progress).toBeNull();
        const claimed = await claim();
        claimed.report({ fraction: 0.5, message: 'evaluating', activity: 'layer 1 of 2' });
        await vi.waitFor(() => expect(heard.at(-1)).toBe(0.5), PATIENCE);
        await vi.waitFor(
          async () =>
            expect((await queue.stand(jobOf('a0')))?.progress).toEqual({
              ...{ fraction: 0.5, message: 'evaluating', activity: 'layer 1 of 2' },
            }),
          PATIENCE,
        );
        claimed.report({ fraction: 0.2, message: 'evaluating', activity: 'again' });
        await vi.waitFor(
          async () =>
            expect((await queue.stand(jobOf('a0')))?.progress).toMatchObject({
              ...{ fraction: 0.5, activity: 'again' },
            }),
          PATIENCE,
        );
        await claimed.end(done(claimed));
        await waiting;
        expect(heard).toEqual(heard.toSorted());
      });

      it('is told when the job has ended, and its record says how', async () => {
        await order('a0');
        const both = [wait('a0'), wait('a0')];
        const claimed = await claim();
        await claimed.end(done(claimed));
        expect(await Promise.all(both)).toEqual([null, null]);
        expect(await state('a0')).toBe('done');
      });

      it('for what is not under way need not wait', async () => {
        expect(await wait('a0')).toBeUndefined();
      });

      it('and is the last to go away takes a job that waits along', async () => {
        await order('a0');
        const gone = new AbortController();
        const waiting = wait('a0', gone.signal);
        gone.abort();
        await waiting;
        await vi.waitFor(async () => expect(await state('a0')).toBe('cancelled'), PATIENCE);
        expect(await queue.stand(jobOf('a0'))).toBeNull();
      });

      it('and is the last to go away takes a job that runs along', async () => {
        await order('a0');
        const claimed = await claim();
        const [first, last] = [new AbortController(), new AbortController()];
        const waiting = [wait('a0', first.signal), wait('a0', last.signal)];
        await bothHaveJoined();
        first.abort();
        await waiting[0];
        expect(claimed.signal.aborted).toBe(false);
        last.abort();
        await vi.waitFor(() => expect(claimed.signal.aborted).toBe(true), PATIENCE);
        await claimed.end({ kind: 'session', record: sessionOf('a0', 'cancelled') });
        await waiting[1];
      });

      it('and goes away from one that was detached does not', async () => {
        await order('a0');
        await queue.detach(jobOf('a0'));
        const gone = new AbortController();
        const waiting = wait('a0', gone.signal);
        gone.abort();
        await waiting;
        const claimed = await claim();
        expect(claimed.signal.aborted).toBe(false);
        expect(await claimed.end(done(claimed))).toBe(true);
      });
    });

    describe('keys', () => {
      const job = keysJob('a');
      const keyState = async () => (await store.keySet('a', KEY_REF))?.state;
      beforeEach(async () => {
        await store.putKeySet(keySetOf('a'));
        await queue.order(job, null);
      });

      it('that were loaded are active', async () => {
        const waiting = queue.wait(job, UNHEARD, QUIET);
        const claimed = await claim('keys');
        expect(await keyState()).toBe('provisioning');
        expect(await claimed.end({ kind: 'keys', state: 'active', failure: null })).toBe(true);
        expect(await waiting).toBeNull();
        expect(await store.keySet('a', KEY_REF)).toMatchObject({ state: 'active', rejection: null });
        expect((await store.keySet('a', KEY_REF))?.activatedAt).toBeGreaterThan(0);
      });

      it.each(['rejected', 'provisioning'] as const)(
        'that were not are %s, and whoever waits hears why',
        async (state) => {
          const waiting = queue.wait(job, UNHEARD, QUIET);
          const failure = { code: 'ERROR_INVALID_EVALUATION_KEY', message: 'so' } as const;
          const claimed = await claim('keys');
          await claimed.end({ kind: 'keys', state, failure });
          expect(await waiting).toEqual(failure);
          const rejection = state === 'rejected' ? failure.code : null;
          expect(await store.keySet('a', KEY_REF)).toMatchObject({ state, rejection, activatedAt: null });
        },
      );

      it.each(['active', 'rejected', 'provisioning'] as const)(
        'that were revoked meanwhile stay so, whatever comes of it: %s',
        async (state) => {
          const claimed = await claim('keys');
          await store.revokeKeys('a', KEY_REF);
          const failure = state === 'active' ? null : ({ code: 'ERROR_INTERNAL', message: 'so' } as const);
          await claimed.end({ kind: 'keys', state, failure });
          expect(await store.keySet('a', KEY_REF)).toMatchObject({ state: 'revoked', rejection: null });
        },
      );

      it('are loaded even if nobody waits', async () => {
        const gone = new AbortController();
        const waiting = queue.wait(job, UNHEARD, gone.signal);
        const claimed = await claim('keys');
        gone.abort();
        await waiting;
        expect(claimed.signal.aborted).toBe(false);
        await claimed.end({ kind: 'keys', state: 'active', failure: null });
        expect(await keyState()).toBe('active');
      });

      it('are loaded once, and may be again', async () => {
        await queue.order(job, null);
        const first = await claim('keys');
        await queue.order(job, null);
        await first.end({
          ...{ kind: 'keys', state: 'provisioning', failure: { code: 'ERROR_INTERNAL', message: 'x' } },
        });
        expect(await queue.stand(job)).toBeNull();
        await queue.order(job, null);
        expect((await claim('keys')).epoch).toBeGreaterThan(first.epoch);
      });

      it('that wait are not loaded once that is cancelled', async () => {
        expect(await queue.cancel(job)).toBe(true);
        expect(await queue.stand(job)).toBeNull();
        await store.putKeySet(keySetOf('b'));
        await queue.order(keysJob('b'), null);
        expect((await claim('keys')).job.clientId).toBe('b');
      });
    });

    describe('what is given back', () => {
      it('is in the queue again as if it had not been begun', async () => {
        await order('a0');
        await order('a1');
        await queue.detach(jobOf('a0'));
        const first = await claim();
        await first.giveBack();
        expect(await state('a0')).toBe('queued');
        expect(await queue.gauges()).toMatchObject({ waiting: 2, running: 0 });
        const second = await claim();
        expect(second.job.id).toBe('a0');
        expect(second.losses).toBe(0);
        expect(second.epoch).toBeGreaterThan(first.epoch);
        // Still detached.
        const gone = new AbortController();
        const waiting = wait('a0', gone.signal);
        gone.abort();
        await waiting;
        expect(second.signal.aborted).toBe(false);
        expect(await second.end(done(second))).toBe(true);
      });

      it('is still waited for', async () => {
        await order('a0');
        let ended = false;
        const waiting = wait('a0').then(() => (ended = true));
        await (await claim()).giveBack();
        const second = await claim();
        expect(ended).toBe(false);
        await second.end(done(second));
        await waiting;
      });
    });

    it('once closed it gives out no more and takes none; what runs may end, what waits is left', async () => {
      for (const name of ['a0', 'a1']) await order(name);
      const claimed = await claim();
      const [running, waiting] = [wait('a0'), wait('a1')];
      await queue.close();
      expect(await waiting).toMatchObject({ code: 'ERROR_SHUTTING_DOWN' });
      for (const kind of ['session', 'keys'] as const)
        expect(await queue.claim({ kind, warm: () => [] }, QUIET)).toBeNull();
      expect(await codeOf(() => order('b0'))).toBe('ERROR_SHUTTING_DOWN');
      expect(await codeOf(() => queue.order(keysJob('b'), null))).toBe('ERROR_SHUTTING_DOWN');
      expect(await codeOf(() => queue.requireRoom('b'))).toBe('ERROR_SHUTTING_DOWN');
      expect([await state('a0'), await state('a1'), await state('b0')]).toEqual([
        ...['running', 'queued', 'staging'],
      ]);
      expect(await claimed.end(done(claimed))).toBe(true);
      await running;
      expect(await state('a0')).toBe('done');
    });

    it('whoever asks for work when it is closed gets none', async () => {
      const claims = (['session', 'keys'] as const).map((kind) =>
        queue.claim({ kind, warm: () => [] }, QUIET),
      );
      await queue.close();
      expect(await Promise.all(claims)).toEqual([null, null]);
    });

    it('what is given back once it is closed is left for whoever comes then', async () => {
      await order('a0');
      const claimed = await claim();
      const waiting = wait('a0');
      await queue.close();
      await claimed.giveBack();
      await waiting;
      expect(await state('a0')).toBe('queued');
      expect(await queue.claim({ kind: 'session', warm: () => [] }, QUIET)).toBeNull();
    });
  });
}

const PATIENCE = { timeout: 10_000 };
const KEY_REF = `hekey:${'0'.repeat(64)}`;
const COMMON = { keyRef: KEY_REF, artifact: 'ab'.repeat(32), costSeconds: 1.5 };

function jobOf(name: string): Job {
  const clientId = name[0]!;
  return { ...COMMON, kind: 'session', clientId, id: name, affinity: `${clientId} ${KEY_REF} m` };
}

function keysJob(clientId: string): Job {
  return { ...COMMON, kind: 'keys', clientId, id: KEY_REF, affinity: `${clientId} ${KEY_REF} m` };
}

let queuedAt = 0;

function sessionOf(name: string, state: SessionState): SessionRecord {
  const number = ++queuedAt;
  return {
    ...{ clientId: name[0]!, sessionId: name, state, model: 'm', keyRef: KEY_REF, ompThreads: 2 },
    ...{ createdAt: 1, expiresAt: 1e15, queuedAt: state === 'staging' ? null : number, outcome: null },
  };
}

function keySetOf(clientId: string): KeySetRecord {
  return {
    ...{ clientId, keyRef: KEY_REF, algorithmId: 'algorithm', model: 'm', files: [] },
    ...{ state: 'provisioning', rejection: null, createdAt: 1, activatedAt: null, expiresAt: 1e15 },
  };
}
