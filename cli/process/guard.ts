/**
 * Runs a command in a process of its own and stands guard: signals are heard, progress moves and memory is watched however long
 * a pass or a native call keeps that process busy. Cancelled, it is asked to end, and killed if it does not do so at once.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { CompileError, InternalError, type HeError } from '../../src/errors.ts';
import { workerEntry } from '../../src/runtime/workers/channel.ts';
import { listenForInterrupt } from '../terminal/interrupt.ts';
import { presentError } from '../terminal/present-error.ts';
import type { ProgressLine } from '../terminal/progress-line.ts';
import { residentBytes } from './memory.ts';
import { GUARD, type Finished, type FromCommand, type ToCommand } from './messages.ts';

/** Time to end by itself, of the second within which a cancelled command is gone. */
const GRACE_MS = 300;
const MEMORY_POLL_MS = 100;
const REDRAW_MS = 100;

export interface GuardOptions {
  readonly json: boolean;
  readonly entry?: URL;
}

/** @returns what to print, and the exit code */
export async function guardCommand(
  argv: readonly string[],
  line: ProgressLine,
  { json, entry = workerEntry(import.meta.url, 'command-process') }: GuardOptions,
): Promise<Finished> {
  const child = fork(entry, argv, {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [GUARD]: String(process.pid) },
  });
  const guarded = new GuardedProcess(child, line);
  using interrupt = listenForInterrupt(() => {
    line.note('cancelling … (again to leave at once)');
    guarded.cancel();
  });
  const redraw = setInterval(() => line.redraw(), REDRAW_MS);
  try {
    const finished = await guarded.ended;
    if (!(finished instanceof Error)) {
      return { ...finished, exitCode: interrupt.exitCodeFor(finished.exitCode) };
    }
    const presented = presentError(finished, interrupt.signal.aborted);
    const exitCode = interrupt.exitCodeFor(presented.exitCode);
    return json
      ? { exitCode, stdout: `${JSON.stringify(presented.document)}\n`, stderr: '' }
      : { exitCode, stdout: '', stderr: `${presented.text}\n` };
  } finally {
    clearInterval(redraw);
    await guarded.removeTemporaries();
  }
}

class GuardedProcess {
  /** The outcome, or why there is none. */
  readonly ended: Promise<Finished | HeError>;
  readonly #child: ChildProcess;
  readonly #line: ProgressLine;
  readonly #temporaries = new Set<string>();
  #stage = 'start';
  #watch: NodeJS.Timeout | null = null;
  #excess: HeError | null = null;
  #outcome: Finished | null = null;

  constructor(child: ChildProcess, line: ProgressLine) {
    this.#child = child;
    this.#line = line;
    child.on('message', (message: FromCommand) => this.#hear(message));
    this.ended = new Promise((resolve) => {
      child.on('error', (error) => resolve(new InternalError(error.message, { cause: error })));
      // After 'exit', messages may still be under way; after 'close' none are.
      child.on('close', (code, signal) => {
        if (this.#watch !== null) clearInterval(this.#watch);
        resolve(this.#outcome ?? this.#excess ?? this.#lost(code, signal));
      });
    });
  }

  cancel(): void {
    if (this.#child.connected) this.#child.send({ kind: 'cancel' } satisfies ToCommand);
    setTimeout(() => this.#child.kill('SIGKILL'), GRACE_MS).unref();
  }

  async removeTemporaries(): Promise<void> {
    for (const path of this.#temporaries) await rm(path, { recursive: true, force: true });
  }

  #hear(message: FromCommand): void {
    switch (message.kind) {
      case 'progress':
        this.#stage = message.stage;
        return this.#line.report(message.stage, message.fraction);
      case 'note':
        return this.#line.note(message.line);
      case 'temporary':
        if (message.done) this.#temporaries.delete(message.path);
        else this.#temporaries.add(message.path);
        return;
      case 'memory-limit':
        return this.#limit(message.bytes);
      case 'outcome':
        this.#outcome = message.outcome;
    }
  }

  #limit(most: number): void {
    this.#watch ??= setInterval(() => {
      void residentBytes(this.#child.pid!).then((bytes) => {
        if (bytes === null || bytes <= most || this.#excess !== null) return;
        this.#excess = new CompileError(
          'COMPILE_MEMORY_EXCEEDED',
          `compiling took ${Math.round(bytes / 2 ** 20)} MiB in stage "${this.#stage}", ${Math.round(most / 2 ** 20)} are allowed`,
          {
            hint: 'fewer calibration inputs take less (--samples), as do lower degrees (--activation); or raise --max-compile-memory-mb',
          },
        );
        this.#child.kill('SIGKILL');
      });
    }, MEMORY_POLL_MS);
  }

  #lost(code: number | null, signal: NodeJS.Signals | null): HeError {
    const how = signal === null ? `with code ${code}` : `by ${signal}`;
    return new InternalError(
      `the process of the command ended ${how} in stage "${this.#stage}", perhaps for want of memory`,
    );
  }
}
