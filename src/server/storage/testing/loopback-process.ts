/** Servers of others as processes on this machine's own address, for tests: their ports, their output, their end. */
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { InternalError } from '../../../errors.ts';

const POLL_MS = 50;
const READY_MS = 60_000;

/** Ports that nothing listens on now, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

export class LoopbackProcess {
  readonly #child: ChildProcess;
  readonly #log: string;
  readonly #exited: Promise<unknown>;
  readonly #endWithUs: () => void;

  /** @param log file that its output is added to */
  constructor(command: string, args: readonly string[], log: string, options: SpawnOptions = {}) {
    const output = openSync(log, 'a');
    this.#child = spawn(command, args, { ...options, stdio: ['ignore', output, output] });
    closeSync(output);
    this.#log = log;
    this.#exited = once(this.#child, 'exit').catch(() => undefined);
    const child = this.#child;
    this.#endWithUs = () => child.kill('SIGKILL');
    process.once('exit', this.#endWithUs);
  }

  get processId(): number {
    return this.#child.pid!;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Gone when it resolves. */
  async end(signal: NodeJS.Signals): Promise<void> {
    process.off('exit', this.#endWithUs);
    if (this.running) this.#child.kill(signal);
    await this.#exited;
  }

  /** As a machine that has lost its way: it neither answers nor ends. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  /** @throws InternalError with the end of its output, if it ends or does not become ready */
  async ready(isReady: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + READY_MS;
    while (!(await isReady())) {
      if (!this.running || performance.now() > deadline) {
        const log = await readFile(this.#log, 'utf8').catch(() => '');
        throw new InternalError(`${this.#child.spawnfile} did not start: ${log.slice(-2000)}`);
      }
      await sleep(POLL_MS);
    }
  }
}

/** Whether something listens there. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const answer = (is: boolean) => () => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', answer(true)).once('error', answer(false));
  });
}
