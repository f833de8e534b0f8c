/** A few processes that share a list of tests; results come in the order of the list, whoever finished first. */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { RunSettings, TestOutcome } from './outcome.ts';
import type { TestReply, TestRequest } from './worker.ts';

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));

export interface PoolOptions {
  readonly root: string;
  readonly tests: readonly string[];
  readonly settings: RunSettings;
  readonly processes: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onOutcome: (outcome: TestOutcome, done: number) => void;
}

/** The outcomes of all tests that were finished before `signal` aborted. */
export async function runPool(options: PoolOptions): Promise<TestOutcome[]> {
  const { tests, processes, signal, onOutcome } = options;
  const outcomes: (TestOutcome | undefined)[] = tests.map(() => undefined);
  let next = 0;
  let done = 0;
  const serve = async (): Promise<void> => {
    using lane = new Lane(options);
    while (next < tests.length && !signal.aborted) {
      const index = next++;
      const outcome = await lane.run(tests[index]!);
      if (signal.aborted) return;
      outcomes[index] = outcome;
      onOutcome(outcome, ++done);
    }
  };
  await Promise.all(Array.from({ length: Math.min(processes, tests.length) }, serve));
  return outcomes.filter((outcome) => outcome !== undefined);
}

/** One process at a time, replaced when it breaks or takes too long. */
class Lane implements Disposable {
  readonly #options: PoolOptions;
  #child: ChildProcess | null = null;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  run(test: string): Promise<TestOutcome> {
    const { root, settings, timeoutMs, signal } = this.#options;
    const child = (this.#child ??= fork(WORKER, { execArgv: ['--max-old-space-size=6144'] }));
    return new Promise((resolve) => {
      const settle = (outcome: TestOutcome, keep: boolean): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        child.off('message', onMessage).off('exit', onExit);
        if (!keep) this[Symbol.dispose]();
        resolve(outcome);
      };
      const broken = (reason: string): void => settle(brokenOutcome(test, settings, reason), false);
      const onMessage = (reply: TestReply): void => {
        if (reply.kind === 'outcome') settle(reply.outcome, true);
        else broken(`INTERNAL: ${reply.message}`);
      };
      const onExit = (code: number | null): void => broken(`CRASHED: the process ended with ${code}`);
      const abort = (): void => broken('CANCELLED');
      const timer = setTimeout(() => broken(`TIMEOUT: not finished within ${timeoutMs / 1000} s`), timeoutMs);
      signal.addEventListener('abort', abort);
      child.on('message', onMessage).on('exit', onExit);
      child.send({ root, test, settings } satisfies TestRequest);
    });
  }

  [Symbol.dispose](): void {
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }
}

function brokenOutcome(test: string, settings: RunSettings, reason: string): TestOutcome {
  return {
    test,
    operators: [],
    encryptedInputs: [],
    verdict: 'fail',
    kind: null,
    bits: null,
    bitsAsked: settings.approximatedBits,
    parameters: null,
    ms: null,
    reason,
    suggestion: null,
  };
}
