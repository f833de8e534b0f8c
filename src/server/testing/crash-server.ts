/** Starts commands that stay (`serve`, `work`) as processes of their own, so that tests can kill them. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InternalError } from '../../errors.ts';

/** The command line, from the sources. */
export const THIS_VERSION = join(import.meta.dirname, '../../../cli/testing/start.ts');

/** A command that stays. */
export interface StayingProcess {
  readonly processId: number;
  /** SIGKILL, and gone when it resolves. */
  kill(): Promise<void>;
  /** SIGTERM, as a service manager sends it; the exit code, null if it did not end by itself. */
  stop(): Promise<number | null>;
  /** SIGSTOP and SIGCONT: as a machine that has lost its way, it neither answers nor ends. */
  suspend(): void;
  resume(): void;
}

export interface ServerProcess extends StayingProcess {
  readonly url: string;
}

/** @param entry of the command line; from the sources unless another one is named */
export async function startServer(args: readonly string[], entry = THIS_VERSION): Promise<ServerProcess> {
  const { process, ready } = await startCommand(['serve', ...args], /listening on (\S+)/, entry);
  return { ...process, url: ready };
}

/**
 * @param readiness what it says when it is ready; its first group is returned
 * @param hear what it says from then on
 */
export async function startCommand(
  args: readonly string[],
  readiness: RegExp,
  entry = THIS_VERSION,
  hear: (text: string) => void = () => undefined,
): Promise<{ readonly process: StayingProcess; readonly ready: string }> {
  const child = spawn(process.execPath, [entry, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // Starts from the sources are quicker the second time.
    env: { NODE_COMPILE_CACHE: join(tmpdir(), 'he-compile-compile-cache'), ...process.env },
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const ready = await isReady(child, readiness);
  // Its log may be long; a pipe that nobody reads would stop it.
  child.stderr.on('data', (bytes: Buffer) => hear(bytes.toString('utf8')));
  return {
    process: {
      processId: child.pid!,
      kill: async () => {
        child.kill('SIGKILL');
        await exited;
      },
      stop: () => {
        child.kill('SIGTERM');
        return exited;
      },
      suspend: () => void child.kill('SIGSTOP'),
      resume: () => void child.kill('SIGCONT'),
    },
    ready,
  };
}

/** One server that is killed and comes back to the same address with the same state. */
export class CrashingServer implements AsyncDisposable {
  readonly #args: readonly string[];
  readonly #entry: string;
  #process: ServerProcess;

  static async start(args: readonly string[], entry = THIS_VERSION): Promise<CrashingServer> {
    return new CrashingServer(args, entry, await startServer(args, entry));
  }

  private constructor(args: readonly string[], entry: string, process: ServerProcess) {
    this.#args = args;
    this.#entry = entry;
    this.#process = process;
  }

  /** Of the process that runs now. */
  get processId(): number {
    return this.#process.processId;
  }

  get url(): string {
    return this.#process.url;
  }

  /** SIGKILL, and gone when it resolves. */
  kill(): Promise<void> {
    return this.#process.kill();
  }

  /** SIGTERM; the exit code, null if it did not end by itself. */
  stop(): Promise<number | null> {
    return this.#process.stop();
  }

  async restart(): Promise<void> {
    this.#process = await startServer(this.#args, this.#entry);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

/** A port that nothing listens on, so that a server can come back to the same one. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function isReady(child: ChildProcess, readiness: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const look = (bytes: Buffer): void => {
      text += bytes.toString('utf8');
      const ready = readiness.exec(text);
      if (ready === null) return;
      child.stderr!.off('data', look);
      resolve(ready[1] ?? '');
    };
    child.stderr!.on('data', look);
    child.once('exit', () => reject(new InternalError(`the process did not start: ${text.slice(-2000)}`)));
  });
}
