/** The server's end of an evaluation process: what it sends, whom it tells what comes back, and what becomes of who waits when the process ends. */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EvaluatorProcess } from './evaluator-process.ts';
import type { EvaluationOutcome, FromProcess, Opening, Order, ToProcess } from './process-protocol.ts';

vi.mock('node:child_process', () => ({ fork: vi.fn() }));

/** A process that does nothing by itself; when it is killed it ends. */
class StandIn extends EventEmitter {
  readonly sent: ToProcess[] = [];
  readonly stderr = new EventEmitter();
  readonly pid = 4711;
  connected = true;
  readonly kill = vi.fn((signal: string) => this.emit('exit', null, signal));

  send(message: ToProcess): void {
    this.sent.push(message);
  }

  says(message: FromProcess): void {
    this.emit('message', message);
  }
}

const OPENING: Opening = {
  artifactFile: 'a.hemodel',
  artifactDigest: '12',
  blobs: { kind: 'files', root: '/blobs' },
  keys: [],
  threads: 2,
  evaluatorBytes: 1000,
};
const ORDER: Order = { inputs: [{ chunks: ['c'], sha256: null }], outputKey: 'out' };
const OUTCOME: EvaluationOutcome = {
  resultBytes: 3,
  resultSha256: '34',
  inferSeconds: 1,
  remainingLevel: 0,
  scale: 4,
  noiseBudgetBits: null,
  depthUsed: 3,
  outputShape: [1],
};

let child: StandIn;
beforeEach(() => {
  child = new StandIn();
  vi.mocked(fork).mockReset();
  vi.mocked(fork).mockReturnValue(child as unknown as ChildProcess);
});
afterEach(() => void vi.unstubAllEnvs());

const quiet = (): AbortSignal => new AbortController().signal;

function opening(signal = quiet(), seen: string[] = []): Promise<EvaluatorProcess> {
  return EvaluatorProcess.open(OPENING, (stage, fraction) => seen.push(`${stage} ${fraction}`), signal);
}

async function opened(signal = quiet()): Promise<EvaluatorProcess> {
  const evaluator = opening(signal);
  child.says({ kind: 'opened', memoryBytes: 123, threads: 2 });
  child.sent.length = 0;
  return evaluator;
}

describe('opening', () => {
  it.each([undefined, '/cache'])(
    'starts a process that knows nothing of the server’s surroundings',
    async (cache) => {
      vi.stubEnv('PATH', '/bin');
      vi.stubEnv('HE_TEST_PASSPHRASE', 'secret');
      vi.stubEnv('NODE_COMPILE_CACHE', cache);
      await opened();
      const [entry, args, options] = vi.mocked(fork).mock.calls[0]!;
      expect(String(entry)).toBe(new URL('./evaluation-process.ts', import.meta.url).href);
      expect(args).toEqual([]);
      expect(options).toStrictEqual({
        env: { PATH: '/bin', ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }) },
        execArgv: [],
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        serialization: 'advanced',
      });
    },
  );

  it('sends what is to be loaded, tells of the progress, and ends when it is', async () => {
    const seen: string[] = [];
    const evaluator = opening(quiet(), seen);
    expect(child.sent).toEqual([{ kind: 'open', opening: OPENING }]);
    child.says({ kind: 'progress', id: null, stage: 'keys', fraction: 0.5, layer: '' });
    child.says({ kind: 'opened', memoryBytes: 123, threads: 2 });
    child.says({ kind: 'progress', id: null, stage: 'keys', fraction: 1, layer: '' });
    const { memoryBytes, alive, processId } = await evaluator;
    expect({ memoryBytes, alive, processId, seen }).toEqual({
      memoryBytes: 123,
      alive: true,
      processId: 4711,
      seen: ['keys 0.5'],
    });
    expect(child.kill).not.toHaveBeenCalled();
  });

  it('that fails says why, and leaves no process', async () => {
    const evaluator = opening();
    const failure = { code: 'ERROR_INVALID_EVALUATION_KEY', message: 'no keys' } as const;
    child.says({ kind: 'failed', id: null, failure });
    await expect(evaluator).rejects.toMatchObject(failure);
    expect(child.kill).toHaveBeenCalledExactlyOnceWith('SIGKILL');
  });

  it.each([
    ['exit', [1, null], 'the evaluation process ended (code 1)'],
    ['exit', [null, 'SIGSEGV'], 'the evaluation process ended (signal SIGSEGV)'],
    ['error', [new Error('ENOENT /secret')], 'the evaluation process ended (it could not be started)'],
  ])('fails with a process that ends: %s %j', async (event, values, message) => {
    const evaluator = opening();
    child.emit(event, ...values);
    await expect(evaluator).rejects.toMatchObject({ code: 'ERROR_EVALUATION_FAILED', message });
  });

  it('ends when its caller goes away', async () => {
    const controller = new AbortController();
    const evaluator = opening(controller.signal);
    controller.abort();
    const message = 'loading the keys was cancelled';
    await expect(evaluator).rejects.toMatchObject({ code: 'ERROR_CANCELLED', message });
    expect(child.kill).toHaveBeenCalledWith('SIGKILL');
  });

  it('does not begin for a caller that has gone away', async () => {
    await expect(opening(AbortSignal.abort())).rejects.toMatchObject({ code: 'ERROR_CANCELLED' });
    expect(fork).not.toHaveBeenCalled();
  });

  it('is over when it is over: the process stays when its caller goes away later', async () => {
    const controller = new AbortController();
    await opened(controller.signal);
    controller.abort();
    expect(child.kill).not.toHaveBeenCalled();
  });
});

describe('an evaluation', () => {
  it('is ordered by a number of its own, which is how its progress and its end are told apart', async () => {
    const evaluator = await opened();
    const seen: string[] = [];
    const order = (name: string) =>
      evaluator.evaluate(ORDER, (stage, fraction) => seen.push(`${name}: ${stage} ${fraction}`), quiet());
    const [first, second] = [order('first'), order('second')];
    expect(child.sent).toEqual([
      { kind: 'evaluate', id: 0, order: ORDER },
      { kind: 'evaluate', id: 1, order: ORDER },
    ]);
    child.says({ kind: 'progress', id: 1, stage: 'evaluation', fraction: 0.5, layer: '' });
    child.says({ kind: 'progress', id: 7, stage: 'evaluation', fraction: 0.5, layer: '' });
    child.says({ kind: 'done', id: 1, outcome: OUTCOME, memoryBytes: 456 });
    child.says({ kind: 'progress', id: 1, stage: 'evaluation', fraction: 1, layer: '' });
    child.says({ kind: 'progress', id: 0, stage: 'evaluation', fraction: 0.25, layer: '' });
    expect(await second).toEqual(OUTCOME);
    expect(evaluator.memoryBytes).toBe(456);
    const failure = { code: 'ERROR_NOISE_OVERFLOW', message: 'too much noise' } as const;
    child.says({ kind: 'failed', id: 0, failure });
    child.says({ kind: 'progress', id: 0, stage: 'evaluation', fraction: 1, layer: '' });
    await expect(first).rejects.toMatchObject(failure);
    expect(seen).toEqual(['second: evaluation 0.5', 'first: evaluation 0.25']);
    expect({ alive: evaluator.alive, killed: child.kill.mock.calls.length }).toEqual({
      alive: true,
      killed: 0,
    });
  });

  it('is cancelled in the process when its caller goes away, once it runs and until it has ended', async () => {
    const evaluator = await opened();
    const controller = new AbortController();
    const running = evaluator.evaluate(ORDER, () => undefined, controller.signal);
    controller.abort();
    expect(child.sent.slice(1)).toEqual([{ kind: 'cancel', id: 0 }]);
    child.says({ kind: 'failed', id: 0, failure: { code: 'ERROR_CANCELLED', message: '' } });
    await expect(running).rejects.toMatchObject({ code: 'ERROR_CANCELLED' });

    const later = new AbortController();
    const ended = evaluator.evaluate(ORDER, () => undefined, later.signal);
    child.says({ kind: 'done', id: 1, outcome: OUTCOME, memoryBytes: 1 });
    await ended;
    child.sent.length = 0;
    later.abort();
    const never = evaluator.evaluate(ORDER, () => undefined, AbortSignal.abort());
    await expect(never).rejects.toMatchObject({
      code: 'ERROR_CANCELLED',
      message: 'the evaluation was cancelled',
    });
    expect(child.sent).toEqual([]);
  });

  it('fails with its process, and so does every later one', async () => {
    const evaluator = await opened();
    const ends: [boolean, string][] = [];
    evaluator.onExit = (unasked, stderr) => ends.push([unasked, stderr]);
    const waiting = [1, 2].map(() => evaluator.evaluate(ORDER, () => undefined, quiet()));
    child.stderr.emit('data', Buffer.from(`start${'a'.repeat(1500)}`));
    child.stderr.emit('data', Buffer.from(`${'b'.repeat(996)}last`));
    child.sent.length = 0;
    child.emit('exit', null, 'SIGKILL');
    child.emit('error', new Error());
    const failure = {
      code: 'ERROR_EVALUATION_FAILED',
      message: 'the evaluation process ended (signal SIGKILL)',
    };
    waiting.push(evaluator.evaluate(ORDER, () => undefined, quiet()));
    for (const end of await Promise.allSettled(waiting)) expect(end).toMatchObject({ reason: failure });
    expect(evaluator.alive).toBe(false);
    expect(child.sent).toEqual([]);
    // Of what it wrote, the last 2000 characters.
    expect(ends).toEqual([[true, `${'a'.repeat(1000)}${'b'.repeat(996)}last`]]);
  });

  it('is not sent to a process that is gone', async () => {
    const evaluator = await opened();
    child.connected = false;
    const waiting = evaluator.evaluate(ORDER, () => undefined, quiet());
    expect(child.sent).toEqual([]);
    child.emit('exit', 0, null);
    await expect(waiting).rejects.toMatchObject({ message: 'the evaluation process ended (code 0)' });
  });
});

it('a process that is killed has ended as it was asked to', async () => {
  const evaluator = await opened();
  const ends: boolean[] = [];
  evaluator.onExit = (unasked) => ends.push(unasked);
  evaluator.kill();
  expect(child.kill).toHaveBeenCalledExactlyOnceWith('SIGKILL');
  expect(ends).toEqual([false]);
});
