/** A federation's decryptor as it is run: a process of its own, which nobody talks to. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerProcess } from '../../testing/run-servers.ts';
import { startProcess } from '../../testing/run-servers.ts';
import { SERVER } from './process-participant.ts';

export class ProcessDecryptor implements AsyncDisposable {
  readonly name: string;
  readonly home: string;
  readonly #args: readonly string[];
  #process: ServerProcess | null = null;

  /** @param url of the aggregator, as it reaches it */
  constructor(name: string, home: string, url: string, enrolmentCode: string) {
    this.name = name;
    this.home = home;
    this.#args = [
      ...[
        'decryptor',
        '--client-id',
        name,
        '--server',
        `${SERVER}=${url}`,
        '--enrolment-code',
        enrolmentCode,
      ],
      ...['--store', join(home, 'vault'), '--key-file', join(home, 'config', 'vault.key')],
    ];
  }

  /** Another process on what a former one left. */
  async start(): Promise<void> {
    await mkdir(this.home, { recursive: true });
    this.#process = await startProcess(this.home, this.#args, /is known by this key.*: (\S+)/);
  }

  /** SIGKILL, and gone when it resolves. */
  async kill(): Promise<void> {
    await this.#process?.kill();
    this.#process = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
