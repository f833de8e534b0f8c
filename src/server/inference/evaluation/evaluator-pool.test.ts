/** Which processes are kept, ended and waited for within the bound; the processes themselves are stand-ins. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ToolError } from '../../protocol/error-codes.ts';
import { SILENT_LOG } from '../../hosting/log.ts';
import { Metrics } from '../../hosting/metrics.ts';
import { EvaluatorPool, type EvaluatorRequest } from './evaluator-pool.ts';
import { EvaluatorProcess } from './evaluator-process.ts';
import type { Opening } from './process-protocol.ts';

const QUIET = new AbortController().signal;

interface StandIn {
  alive: boolean;
  memoryBytes: number;
  onExit: (unasked: boolean, stderr: string) => void;
  kill: () => void;
}

let opened: { readonly opening: Opening; readonly process: StandIn }[];
/** In order, with what was at hand meanwhile. */
let brought: string[];
let metrics: Metrics;
let open: (opening: Opening) => Promise<void>;
beforeEach(() => {
  opened = [];
  brought = [];
  metrics = new Metrics();
  open = () => Promise.resolve();
  vi.spyOn(EvaluatorProcess, 'open').mockImplementation(async (opening) => {
    const process: StandIn = {
      alive: true,
      memoryBytes: 1,
      onExit: () => undefined,
      kill: () => {
        process.alive = false;
      },
    };
    opened.push({ opening, process });
    await open(opening);
    return process as unknown as EvaluatorProcess;
  });
});
afterEach(() => void vi.restoreAllMocks());

const pool = (bytes = 100): EvaluatorPool => new EvaluatorPool(bytes, SILENT_LOG, metrics);

function request(affinity: string, totalBytes = 40): EvaluatorRequest {
  const opening = {
    artifactFile: affinity,
    artifactDigest: '',
    blobs: { kind: 'files', root: '' },
    keys: [],
  } as const;
  const bring = async (): Promise<Disposable> => {
    brought.push(`${affinity} comes`);
    return { [Symbol.dispose]: () => void brought.push(`${affinity} goes`) };
  };
  return { affinity, opening, bring, need: { totalBytes, evaluatorBytes: totalBytes - 1, threads: 2 } };
}

function acquire(from: EvaluatorPool, affinity: string, bytes = 40, signal = QUIET) {
  return from.acquire(request(affinity, bytes), () => undefined, signal);
}

const files = (): string[] => opened.map(({ opening }) => opening.artifactFile);
const alive = (): string[] =>
  opened.filter(({ process }) => process.alive).map(({ opening }) => opening.artifactFile);

describe('a pool', () => {
  it('starts one process for each pair of keys and model, and keeps it', async () => {
    await using own = pool();
    const [first, second] = await Promise.all([acquire(own, 'a'), acquire(own, 'a')]);
    expect(first.process).toBe(second.process);
    expect(opened[0]!.opening).toMatchObject({ artifactFile: 'a', threads: 2, evaluatorBytes: 39 });
    first[Symbol.dispose]();
    second[Symbol.dispose]();
    (await acquire(own, 'a'))[Symbol.dispose]();
    expect(files()).toEqual(['a']);
    (await acquire(own, 'b'))[Symbol.dispose]();
    expect(files()).toEqual(['a', 'b']);
    expect([own.size, own.reservedBytes]).toEqual([2, 80]);
    expect(metrics.text({})).toContain('evaluator_starts_total 2\n');
  });

  it('ends those that nobody holds, least recently used first, when another needs the room', async () => {
    await using own = pool();
    for (const affinity of ['a', 'b', 'a']) (await acquire(own, affinity))[Symbol.dispose]();
    (await acquire(own, 'c'))[Symbol.dispose]();
    expect(alive()).toEqual(['a', 'c']);
    expect(own.reservedBytes).toBe(80);
    (await acquire(own, 'd', 60))[Symbol.dispose]();
    expect(alive()).toEqual(['c', 'd']);
    expect(own.reservedBytes).toBe(100);
    expect(metrics.text({})).toContain('evaluator_evictions_total 2\n');
  });

  it('lets wait who finds no room until a lease ends', async () => {
    await using own = pool();
    const held = [await acquire(own, 'a'), await acquire(own, 'b')];
    let got = false;
    const waiting = acquire(own, 'c').then((lease) => {
      got = true;
      lease[Symbol.dispose]();
    });
    await new Promise(setImmediate);
    expect([got, files()]).toEqual([false, ['a', 'b']]);
    held[1]![Symbol.dispose]();
    await waiting;
    expect(alive()).toEqual(['a', 'c']);
    held[0]![Symbol.dispose]();
  });

  it('lets nobody wait who has gone away', async () => {
    await using own = pool();
    using _ = await acquire(own, 'a', 100);
    const controller = new AbortController();
    const waiting = acquire(own, 'b', 40, controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ERROR_CANCELLED' });
    await expect(acquire(own, 'b', 40, controller.signal)).rejects.toMatchObject({ code: 'ERROR_CANCELLED' });
    expect(files()).toEqual(['a']);
  });

  it('refuses what can never fit', async () => {
    await using own = pool(2 ** 20);
    await expect(acquire(own, 'a', 2 ** 20 + 1)).rejects.toMatchObject({
      code: 'ERROR_MEMORY_EXCEEDED',
      message: '2 MiB are needed, 1 MiB are allowed for all evaluations',
    });
    (await acquire(own, 'a', 2 ** 20))[Symbol.dispose]();
  });

  it('ends the processes of keys that are dropped', async () => {
    await using own = pool();
    const affinities = ['c k m', 'c k n', 'c kk m', 'cc k m'];
    for (const affinity of affinities) (await acquire(own, affinity, 20))[Symbol.dispose]();
    expect(own.warm).toEqual(affinities);
    await own.drop('c', 'k');
    expect(alive()).toEqual(['c kk m', 'cc k m']);
    expect(own.warm).toEqual(alive());
    await own.drop();
    expect([alive(), own.size]).toEqual([[], 0]);
  });

  it('takes nobody once it is closed, not even who waits', async () => {
    const own = pool();
    await acquire(own, 'a', 100);
    const waiting = acquire(own, 'b');
    await own[Symbol.asyncDispose]();
    await expect(waiting).rejects.toMatchObject({ code: 'ERROR_SHUTTING_DOWN' });
    await expect(acquire(own, 'a')).rejects.toMatchObject({ code: 'ERROR_SHUTTING_DOWN' });
    expect(alive()).toEqual([]);
  });
});

describe('a process', () => {
  it('that has ended is forgotten, and another takes its place', async () => {
    await using own = pool();
    (await acquire(own, 'a'))[Symbol.dispose]();
    opened[0]!.process.onExit(true, 'stderr');
    expect(own.size).toBe(0);
    expect(metrics.text({})).toContain('evaluator_crashes_total 1\n');
    (await acquire(own, 'a'))[Symbol.dispose]();
    opened[1]!.process.alive = false;
    (await acquire(own, 'a'))[Symbol.dispose]();
    expect(files()).toEqual(['a', 'a', 'a']);
    // Asked to, it did not crash.
    opened[2]!.process.onExit(false, '');
    expect(metrics.text({})).toContain('evaluator_crashes_total 1\n');
  });

  it('finds what it loads at hand, and that may go once it has loaded or failed to', async () => {
    await using own = pool();
    open = async () => void brought.push('loads');
    (await acquire(own, 'a'))[Symbol.dispose]();
    (await acquire(own, 'a'))[Symbol.dispose]();
    expect(brought).toEqual(['a comes', 'loads', 'a goes']);
    open = () => Promise.reject(new ToolError('ERROR_INVALID_EVALUATION_KEY', 'bad'));
    await expect(acquire(own, 'b')).rejects.toThrow('bad');
    expect(brought.slice(3)).toEqual(['b comes', 'b goes']);
  });

  it('that does not start leaves its room to others', async () => {
    await using own = pool();
    open = () => Promise.reject(new ToolError('ERROR_INVALID_EVALUATION_KEY', 'bad'));
    await expect(acquire(own, 'a', 100)).rejects.toMatchObject({ code: 'ERROR_INVALID_EVALUATION_KEY' });
    expect(own.reservedBytes).toBe(0);
    open = () => Promise.resolve();
    (await acquire(own, 'b', 100))[Symbol.dispose]();
  });

  it('whose starter went away is started again for the next who asked', async () => {
    await using own = pool();
    let cancel = (): void => undefined;
    open = () =>
      new Promise((_, reject) => (cancel = () => reject(new ToolError('ERROR_CANCELLED', 'gone'))));
    const controller = new AbortController();
    const gone = acquire(own, 'a', 40, controller.signal);
    const other = acquire(own, 'a');
    await new Promise(setImmediate);
    open = () => Promise.resolve();
    controller.abort();
    cancel();
    await expect(gone).rejects.toMatchObject({ code: 'ERROR_CANCELLED' });
    (await other)[Symbol.dispose]();
    expect(files()).toEqual(['a', 'a']);
  });
});
