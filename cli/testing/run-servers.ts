/** The command line in processes of its own, with a home folder of its own. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { CliResult } from './run-cli.ts';

export const START = join(import.meta.dirname, 'start.ts');

export function cliCommand(args: readonly string[]): string[] {
  return ['--no-warnings', START, ...args];
}

/** All that a process gets of this one's environment. Starts from the sources are quicker the second time. */
export function environmentAt(home: string): Record<string, string> {
  const { PATH = '', NODE_COMPILE_CACHE } = process.env;
  return { PATH, HOME: home, ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }) };
}

function start(args: readonly string[], home: string): ChildProcess {
  return spawn(process.execPath, cliCommand(args), {
    env: environmentAt(home),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export function runCliAt(home: string, args: readonly string[]): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = start(args, home);
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

export interface ServerProcess extends AsyncDisposable {
  /** Address, as it says itself. */
  readonly url: string;
  readonly processId: number;
  readonly stderr: () => string;
  /** SIGKILL, and gone when it resolves. */
  kill(): Promise<void>;
}

/** Resolves when the server listens. */
export function startServer(home: string, args: readonly string[]): Promise<ServerProcess> {
  return startProcess(home, args, /listening on (\S+?)[;\s]/);
}

/** @param ready line that tells so, and by what the process is known */
export function startProcess(home: string, args: readonly string[], ready: RegExp): Promise<ServerProcess> {
  const child = start(args, home);
  let stderr = '';
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => reject(new Error(`the server ended: ${stderr}`)));
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      const url = ready.exec(stderr)?.[1];
      if (url === undefined) return;
      resolve({
        url,
        processId: child.pid!,
        stderr: () => stderr,
        async kill() {
          child.kill('SIGKILL');
          await ended;
        },
        async [Symbol.asyncDispose]() {
          child.kill('SIGTERM');
          await ended;
        },
      });
    });
  });
}
