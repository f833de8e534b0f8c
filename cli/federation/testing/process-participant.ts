/** A participant as its host runs it: the local server, a process of its own, on stdio behind MCP's official client. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Protection } from '../../../src/federation/policy/protection.ts';
import { contributionName } from '../../../src/server/crypto/federation/contribution.ts';
import { ParticipantVault } from '../../../src/server/crypto/federation/participant-vault.ts';
import { connectClient } from '../../../src/server/testing/mcp-clients.ts';
import type { Connection } from '../../../src/server/testing/mcp-clients.ts';
import { Vault } from '../../../src/server/vault/vault.ts';
import { cliCommand, environmentAt } from '../../testing/run-servers.ts';
import type { GivenUpdate } from '../given-update.ts';
import { readGiven } from '../given-update.ts';

export const SERVER = 'aggregator';

export interface ParticipantOptions {
  readonly name: string;
  /** Everything of it is below. */
  readonly home: string;
  /** Of the aggregator, as this participant reaches it. */
  readonly url: string;
  readonly enrolmentCode: string;
  readonly floor: Protection;
}

export class ProcessParticipant implements AsyncDisposable {
  readonly name: string;
  /** Folder that its server may read and write. */
  readonly root: string;
  readonly store: string;
  readonly #options: ParticipantOptions;
  #connection: Connection | null = null;

  static async open(options: ParticipantOptions): Promise<ProcessParticipant> {
    const participant = new ProcessParticipant(options);
    await mkdir(participant.root, { recursive: true });
    const { epsilon, delta, protocol, mechanism, minClients, minSurvivors, colluders } = options.floor;
    const floor = {
      delta,
      protocol,
      mechanism,
      min_clients: minClients,
      min_survivors: minSurvivors,
      colluders,
    };
    const text = JSON.stringify({ ...floor, epsilon: epsilon === Infinity ? null : epsilon });
    await writeFile(participant.#floorFile, text);
    await participant.start();
    return participant;
  }

  private constructor(options: ParticipantOptions) {
    this.#options = options;
    this.name = options.name;
    this.root = join(options.home, 'models');
    this.store = join(options.home, 'vault');
  }

  get isAlive(): boolean {
    return this.#connection !== null;
  }

  /** Starts its process, on what a former one left. */
  async start(): Promise<void> {
    const { home, url, enrolmentCode, name } = this.#options;
    const args = ['crypto', '--root', this.root, '--store', this.store, '--key-file', this.#keyFile];
    this.#connection = await connectClient('v2, 2026-07-28', {
      kind: 'stdio',
      args: cliCommand([
        ...[...args, '--client-id', name, '--privacy-floor', this.#floorFile],
        ...['--server', `${SERVER}=${url}`, '--enrolment-code', `${SERVER}=${enrolmentCode}`],
      ]),
      environment: environmentAt(home),
    });
  }

  /** SIGKILL, and gone when it resolves. */
  async kill(): Promise<void> {
    const connection = this.#connection;
    if (connection === null) return;
    this.#connection = null;
    const { processId } = connection;
    for (let there = true; there; await delay(5)) {
      try {
        process.kill(processId!, 'SIGKILL');
      } catch {
        there = false;
      }
    }
    await connection.close();
  }

  /** As an agent calls a tool. @throws Error with the code of a refusal, or where the process ends before it answers */
  async call(tool: string, args: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
    const { structuredContent } = await this.#connection!.call({ name: tool, arguments: { ...args } });
    const answer = structuredContent as Record<string, unknown>;
    if (answer['ok'] !== true)
      throw Object.assign(new Error(`${this.name}, ${tool}: ${JSON.stringify(answer)}`), {
        code: answer['error_code'],
      });
    return answer;
  }

  /** Its rounds, as its ledger has them. */
  async ledger(): Promise<{ readonly spent: number | null; readonly rounds: readonly LedgerRound[] }> {
    const { spent_epsilon, rounds } = await this.call('privacy_ledger', {});
    return { spent: spent_epsilon as number | null, rounds: rounds as LedgerRound[] };
  }

  /** What it gives to a round that is not over. */
  async given(federation: string, round: number, updateId: string): Promise<GivenUpdate | null> {
    const name = contributionName(SERVER, this.name, federation, round);
    return this.withVault((vault) => readGiven(vault, name, updateId));
  }

  /** Opens its vault beside the process. */
  async withVault<T>(work: (vault: ParticipantVault) => Promise<T>): Promise<T> {
    using vault = await Vault.open(this.store, { kind: 'key-file', path: this.#keyFile });
    return await work(new ParticipantVault(vault, this.#options.floor));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  get #keyFile(): string {
    return join(this.#options.home, 'config', 'vault.key');
  }

  get #floorFile(): string {
    return join(this.#options.home, 'floor.json');
  }
}

export interface LedgerRound {
  readonly federation: string;
  readonly round: number;
  readonly honest: number;
  readonly outcome: string;
}
