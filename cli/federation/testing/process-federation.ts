/**
 * A federation of real processes: one aggregator, participants on stdio, a decryptor where sums are encrypted, the owner over Streamable HTTP, and
 * a tap on every wire.
 */
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { replaceParameters } from '../../../src/onnx/model-parameters.ts';
import type { Protection } from '../../../src/federation/policy/protection.ts';
import { connect } from '../../../src/server/client/connection.ts';
import type { RoundStatus } from '../../../src/server/client/remote-federation.ts';
import { RemoteFederation } from '../../../src/server/client/remote-federation.ts';
import { parseServerAddress } from '../../../src/server/client/server-address.ts';
import { parsePolicy } from '../../../src/server/federation/policy-file.ts';
import type { FederationPolicy } from '../../../src/server/federation/policy-file.ts';
import { invite } from '../../../src/server/hosting/invite.ts';
import { HOSTING_LIMITS } from '../../../src/server/hosting/limits.ts';
import { roundAnswer } from '../../../src/server/protocol/federation-messages.ts';
import { SqliteFederationStore } from '../../../src/server/storage/sqlite-federation-store.ts';
import { freePort } from '../../../src/server/testing/crash-server.ts';
import { CredentialVault } from '../../../src/server/vault/credential-vault.ts';
import { Vault } from '../../../src/server/vault/vault.ts';
import type { ServerProcess } from '../../testing/run-servers.ts';
import { startServer } from '../../testing/run-servers.ts';
import type { GivenUpdate } from '../given-update.ts';
import { ProcessDecryptor } from './process-decryptor.ts';
import { ProcessParticipant } from './process-participant.ts';
import type { WireTap } from './tapped-wire.ts';
import { openWire } from './tapped-wire.ts';

export interface ProcessFederationOptions {
  /** The policy file; its owner is enrolled, too. */
  readonly policy: Readonly<Record<string, unknown>>;
  readonly template: Uint8Array;
  readonly names: readonly string[];
  /** Of every participant; its ε and δ are the budget of the ledgers. */
  readonly floor: Protection;
}

const POLL_MS = 50;

export class ProcessFederation implements AsyncDisposable {
  readonly base: string;
  /** What the aggregator keeps. */
  readonly state: string;
  readonly policy: FederationPolicy;
  readonly participants: ReadonlyMap<string, ProcessParticipant>;
  /** Null where sums are masked. */
  readonly decryptor: ProcessDecryptor | null;
  readonly tap: WireTap;
  readonly owner: RemoteFederation;
  /** What each participant gave to the round that is open, from when it commits its masked update. */
  readonly given = new Map<string, GivenUpdate>();
  readonly #command: readonly string[];
  readonly #closing: AsyncDisposableStack;
  readonly #updates = new Map<string, string>();
  #aggregator: ServerProcess;
  /** Of former processes. */
  #logs = '';

  static async open({
    policy,
    template,
    names,
    floor,
  }: ProcessFederationOptions): Promise<ProcessFederation> {
    await using opened = new AsyncDisposableStack();
    const base = await realpath(await mkdtemp(join(tmpdir(), 'he-compile-processes-')));
    opened.defer(() => rm(base, { recursive: true, force: true }));
    const at = (file: string): string => join(base, file);
    await writeFile(at('template.onnx'), template);
    await writeFile(at('policy.json'), JSON.stringify(policy));
    const [state, port] = [at('aggregator'), await freePort()];
    const command = [
      ...['federate', '--template', at('template.onnx'), '--policy', at('policy.json')],
      ...['--state', state, '--http', `127.0.0.1:${port}`],
    ];
    const url = `http://127.0.0.1:${port}/mcp`;
    const aggregator = await startServer(base, command);
    let federation: ProcessFederation | null = null;
    opened.defer(() => (federation === null ? aggregator.kill() : federation.killAggregator()));
    const tap: WireTap = { before: () => true, after: () => true, heard: () => undefined };
    const heard: WireTap = {
      before: async (call) => {
        if (call.tool === 'commit_update') await federation!.noteGiven(call.participant);
        return tap.before(call);
      },
      after: (call) => tap.after(call),
      heard: (participant, bytes) => tap.heard(participant, bytes),
    };
    const participants = new Map<string, ProcessParticipant>();
    const code = async (name: string): Promise<string> =>
      (await invite(state, name, HOSTING_LIMITS.enrolmentCodeLifetimeMs)).code;
    for (const name of names) {
      const wire = opened.use(await openWire(name, url, heard));
      const options = { name, home: at(name), url: wire.url, enrolmentCode: await code(name), floor };
      participants.set(name, opened.use(await ProcessParticipant.open(options)));
    }
    const parsed = parsePolicy(JSON.stringify(policy));
    let decryptor: ProcessDecryptor | null = null;
    if (parsed.protection.protocol === 'bfv-sum') {
      const { decryptor: name } = parsed;
      const wire = opened.use(await openWire(name, url, heard));
      decryptor = new ProcessDecryptor(name, at(name), wire.url, await code(name));
      opened.use(decryptor);
      await decryptor.start();
    }
    const vault = opened.use(
      await Vault.open(at('owner-vault'), { kind: 'key-file', path: at('owner-config/vault.key') }),
    );
    const owner = opened.use(await ownerAt(url, parsed.owner, await code(parsed.owner), vault));
    const parts = { base, state, policy: parsed, participants, decryptor, tap, owner };
    federation = new ProcessFederation(parts, aggregator, command, opened.move());
    return federation;
  }

  private constructor(
    parts: Pick<
      ProcessFederation,
      'base' | 'state' | 'policy' | 'participants' | 'decryptor' | 'tap' | 'owner'
    >,
    aggregator: ServerProcess,
    command: readonly string[],
    closing: AsyncDisposableStack,
  ) {
    ({
      base: this.base,
      state: this.state,
      policy: this.policy,
      participants: this.participants,
      decryptor: this.decryptor,
      tap: this.tap,
      owner: this.owner,
    } = parts);
    this.#aggregator = aggregator;
    this.#command = command;
    this.#closing = closing;
  }

  get aggregatorId(): number {
    return this.#aggregator.processId;
  }

  /** All that aggregators have logged. */
  get logs(): string {
    return this.#logs + this.#aggregator.stderr();
  }

  participant(name: string): ProcessParticipant {
    return this.participants.get(name)!;
  }

  /** SIGKILL, and another process on what that one left: of a participant, or of the decryptor. */
  async restart(name: string): Promise<void> {
    const process = this.participants.get(name) ?? this.decryptor!;
    await process.kill();
    await process.start();
  }

  /** What was prepared last. */
  update(name: string): string {
    return this.#updates.get(name)!;
  }

  /** @returns its number */
  async openRound(): Promise<number> {
    this.given.clear();
    return (await this.owner.own('open_round', {}, roundAnswer)).round;
  }

  /** The global model, as the owner gets it. */
  async model(): Promise<Uint8Array> {
    return (await this.owner.fetchModel(undefined)).bytes;
  }

  /** As a hospital does: fetches the global model, exports what training made of it, and prepares the difference. */
  async prepare(name: string, train: (model: Uint8Array) => ArrayLike<number>): Promise<string> {
    const participant = this.participant(name);
    const { path } = await participant.call('fetch_global_model', { folder: participant.root });
    const before = await readFile(String(path));
    const after_path = join(participant.root, 'after.onnx');
    await writeFile(
      after_path,
      replaceParameters(before, Float64Array.from(train(before)), 'the global model'),
    );
    const prepared = await participant.call('prepare_update', { before_path: path, after_path });
    const id = String(prepared['update_id']);
    this.#updates.set(name, id);
    return id;
  }

  /** Takes part in the open round with what was prepared last, to its end. */
  contribute(name: string): Promise<Record<string, unknown>> {
    return this.participant(name).call('contribute', { update_id: this.#updates.get(name), wait: true });
  }

  /** Reads a participant's part of the sum out of its vault while it is there; the same after a restart. */
  async noteGiven(name: string): Promise<void> {
    const { round } = await this.owner.describe();
    const update = this.#updates.get(name);
    if (update === undefined || round === null) return;
    const given = await this.participant(name).given(this.policy.federation, round.round, update);
    if (given === null) return;
    const before = this.given.get(name);
    if (before !== undefined && Buffer.compare(bytesOf(before), bytesOf(given)) !== 0)
      throw new Error(`${name} gives another update than before`);
    this.given.set(name, given);
  }

  /** Until the round is at a step that the condition holds for. */
  async until(round: number, condition: (status: RoundStatus) => boolean): Promise<RoundStatus> {
    for (;;) {
      const status = await this.owner.status(round);
      if (condition(status)) return status;
      await delay(POLL_MS);
    }
  }

  /** SIGKILL. */
  async killAggregator(): Promise<void> {
    await this.#aggregator.kill();
  }

  /** Another process on what the last one left. */
  async startAggregator(): Promise<void> {
    this.#logs += this.#aggregator.stderr();
    this.#aggregator = await startServer(this.base, this.#command);
  }

  /** As if the aggregator had been down until the step's time was over. */
  async passDeadline(): Promise<void> {
    await this.killAggregator();
    {
      using store = await SqliteFederationStore.open(join(this.state, 'federation.db'));
      const stored = store.rounds().at(-1)!;
      store.putRound({ ...stored, deadline: Date.now() });
    }
    await this.startAggregator();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closing.disposeAsync();
  }
}

function ownerAt(url: string, name: string, enrolmentCode: string, vault: Vault): Promise<RemoteFederation> {
  return RemoteFederation.open({
    ...{ clientId: name, server: url, credentials: new CredentialVault(vault, null), enrolmentCode },
    connect: (signal, bearers) => connect(parseServerAddress(url), { signal, bearers }),
    retries: { attempts: 100, firstDelayMs: 100, maxDelayMs: 1000 },
  });
}

function bytesOf({ noised }: GivenUpdate): Uint8Array {
  return new Uint8Array(noised.buffer, noised.byteOffset, noised.byteLength);
}
