/** The server's end of an evaluation process. */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { workerEntry } from '../../../runtime/workers/channel.ts';
import { ToolError } from '../../protocol/error-codes.ts';
import type { EvaluationOutcome, FromProcess, Opening, Order, ToProcess } from './process-protocol.ts';

export interface ProcessProgress {
  /** `layer`: what an evaluation is at, as the program names it. */
  (stage: string, fraction: number, layer?: string): void;
}

interface Pending {
  readonly resolve: (outcome: EvaluationOutcome) => void;
  readonly reject: (error: ToolError) => void;
  readonly progress: ProcessProgress;
}

/** The end of what a process wrote to stderr before it died. */
const STDERR_BYTES = 2000;

export class EvaluatorProcess {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  #opening: {
    readonly progress: ProcessProgress;
    readonly settle: (failure: ToolError | null) => void;
  } | null = null;
  #nextId = 0;
  #memoryBytes = 0;
  #failure: ToolError | null = null;
  #stderr = '';
  /** Called once, when it has ended for whatever reason. */
  onExit: (unasked: boolean, stderr: string) => void = () => undefined;
  #closing = false;

  /**
   * Starts a process and loads model and keys.
   * @throws ToolError if they do not fit, or ERROR_CANCELLED
   */
  static async open(
    opening: Opening,
    progress: ProcessProgress,
    signal: AbortSignal,
  ): Promise<EvaluatorProcess> {
    if (signal.aborted) throw loadingCancelled();
    const evaluator = new EvaluatorProcess();
    const abort = (): void => evaluator.kill();
    signal.addEventListener('abort', abort, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        const settle = (failure: ToolError | null): void => (failure === null ? resolve() : reject(failure));
        evaluator.#opening = { progress, settle };
        evaluator.#send({ kind: 'open', opening });
      });
      return evaluator;
    } catch (error) {
      evaluator.kill();
      throw signal.aborted ? loadingCancelled() : error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  private constructor() {
    this.#child = fork(workerEntry(import.meta.url, 'evaluation-process'), [], {
      // Nothing of the server's surroundings is needed there, and stdout may be a transport.
      env: surroundings(),
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    this.#child.on('message', (message) => this.#receive(message as FromProcess));
    this.#child.on('error', () => this.#end('it could not be started'));
    this.#child.on('exit', (code, signal) =>
      this.#end(signal === null ? `code ${code}` : `signal ${signal}`),
    );
    this.#child.stderr?.on('data', (bytes: Buffer) => {
      this.#stderr = (this.#stderr + bytes.toString('utf8')).slice(-STDERR_BYTES);
    });
  }

  /** Resident size that it last stated. */
  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  get alive(): boolean {
    return this.#failure === null;
  }

  get processId(): number | undefined {
    return this.#child.pid;
  }

  /** @throws ToolError of the evaluation; ERROR_EVALUATION_FAILED if the process ends */
  evaluate(order: Order, progress: ProcessProgress, signal: AbortSignal): Promise<EvaluationOutcome> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const id = this.#nextId++;
    const result = new Promise<EvaluationOutcome>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, progress });
    });
    const cancel = (): void => this.#send({ kind: 'cancel', id });
    if (!signal.aborted) this.#send({ kind: 'evaluate', id, order });
    else this.#fail(id, new ToolError('ERROR_CANCELLED', 'the evaluation was cancelled'));
    signal.addEventListener('abort', cancel, { once: true });
    return result.finally(() => signal.removeEventListener('abort', cancel));
  }

  kill(): void {
    this.#closing = true;
    this.#child.kill('SIGKILL');
  }

  #receive(message: FromProcess): void {
    switch (message.kind) {
      case 'opened':
        this.#memoryBytes = message.memoryBytes;
        this.#opening?.settle(null);
        this.#opening = null;
        return;
      case 'progress': {
        const listener = message.id === null ? this.#opening : this.#pending.get(message.id);
        listener?.progress(message.stage, message.fraction, message.layer);
        return;
      }
      case 'done':
        this.#memoryBytes = message.memoryBytes;
        this.#pending.get(message.id)?.resolve(message.outcome);
        this.#pending.delete(message.id);
        return;
      case 'failed': {
        const error = new ToolError(message.failure.code, message.failure.message);
        if (message.id === null) this.#opening?.settle(error);
        else this.#fail(message.id, error);
      }
    }
  }

  #fail(id: number, error: ToolError): void {
    this.#pending.get(id)?.reject(error);
    this.#pending.delete(id);
  }

  #end(reason: string): void {
    if (this.#failure !== null) return;
    const failure = new ToolError('ERROR_EVALUATION_FAILED', `the evaluation process ended (${reason})`);
    this.#failure = failure;
    this.#opening?.settle(failure);
    this.#opening = null;
    for (const { reject } of this.#pending.values()) reject(failure);
    this.#pending.clear();
    this.onExit(!this.#closing, this.#stderr);
  }

  #send(message: ToProcess): void {
    // A process that is gone is noticed by its exit.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }
}

function loadingCancelled(): ToolError {
  return new ToolError('ERROR_CANCELLED', 'loading the keys was cancelled');
}

function surroundings(): NodeJS.ProcessEnv {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  return { PATH, ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }) };
}
