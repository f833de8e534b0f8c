/**
 * A whole federation on this machine: an aggregator on a loopback port, and participants with vaults, identities and ledgers of their own,
 * enrolled by one-time codes. What goes between them goes over HTTP, as between hospitals.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Protection } from '../../src/federation/policy/protection.ts';
import type { BearerSource } from '../../src/server/client/bearer-fetch.ts';
import type { Connection } from '../../src/server/client/connection.ts';
import { connect, ConnectionFailure } from '../../src/server/client/connection.ts';
import { RemoteFederation } from '../../src/server/client/remote-federation.ts';
import { parseServerAddress } from '../../src/server/client/server-address.ts';
import { contributionName } from '../../src/server/crypto/federation/contribution.ts';
import { ParticipantVault } from '../../src/server/crypto/federation/participant-vault.ts';
import type { OpenCryptoServices } from '../../src/server/crypto/open-services.ts';
import { openCryptoServices } from '../../src/server/crypto/open-services.ts';
import { FederationServer } from '../../src/server/federation/federation-server.ts';
import type { FederationPolicy } from '../../src/server/federation/policy-file.ts';
import { invite } from '../../src/server/hosting/invite.ts';
import { HOSTING_LIMITS } from '../../src/server/hosting/limits.ts';
import { Vault } from '../../src/server/vault/vault.ts';
import type { GivenUpdate } from './given-update.ts';
import { readGiven } from './given-update.ts';

const SERVER = 'aggregator';
/** All of them are one machine here. */
const LIMITS = {
  ...HOSTING_LIMITS,
  requestsPerSecond: 1e5,
  requestBurst: 1e5,
  strangerRequestsPerSecond: 1e5,
  strangerRequestBurst: 1e5,
};

export interface LoopbackOptions {
  /** Everything is kept below; the caller removes it. */
  readonly folder: string;
  readonly template: Uint8Array;
  readonly policy: FederationPolicy;
  /** Of every participant; its ε and δ are the budget of the ledgers. */
  readonly floor: Protection;
  readonly names: readonly string[];
  readonly version: string;
}

type Reach = (signal: AbortSignal | undefined, bearers?: BearerSource) => Promise<Connection>;

export class LoopbackFederation implements AsyncDisposable {
  readonly server: FederationServer;
  readonly owner: RemoteFederation;
  readonly participants: readonly LoopbackParticipant[];
  /** Folder of what the aggregator keeps. */
  readonly state: string;
  readonly #closing: AsyncDisposableStack;

  static async open(options: LoopbackOptions): Promise<LoopbackFederation> {
    const { folder, template, policy, version } = options;
    const stateFolder = join(folder, SERVER);
    await using opened = new AsyncDisposableStack();
    const enrolment = { open: false, unsigned: false, authorities: [] };
    const configuration = { stateFolder, limits: LIMITS, enrolment, autoOpen: false };
    const server = opened.use(
      await FederationServer.open(template, policy, configuration, version, () => undefined),
    );
    const http = { tls: null, sse: false, allowedHosts: [], allowedOrigins: [], requireBearer: false };
    const { url } = await server.listenHttp({ ...http, address: { host: '127.0.0.1', port: 0 } });
    const admit = async (name: string): Promise<LoopbackParticipant> => {
      const { code } = await invite(stateFolder, name, LIMITS.enrolmentCodeLifetimeMs);
      return opened.use(await LoopbackParticipant.open(name, url, code, options));
    };
    const coordinator = await admit(policy.owner);
    const owner = opened.use(await coordinator.remote());
    const participants: LoopbackParticipant[] = [];
    for (const name of options.names) participants.push(await admit(name));
    return new LoopbackFederation({ server, owner, participants, state: stateFolder }, opened.move());
  }

  private constructor(
    parts: Pick<LoopbackFederation, 'server' | 'owner' | 'participants' | 'state'>,
    closing: AsyncDisposableStack,
  ) {
    this.server = parts.server;
    this.owner = parts.owner;
    this.participants = parts.participants;
    this.state = parts.state;
    this.#closing = closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closing.disposeAsync();
  }
}

export class LoopbackParticipant implements AsyncDisposable {
  readonly name: string;
  /** Folder of its models. */
  readonly root: string;
  readonly services: OpenCryptoServices;
  readonly #options: LoopbackOptions;
  readonly #reach: Reach;
  readonly #url: string;
  readonly #code: string;
  /** Of the round that it is in. */
  #update: { readonly id: string; readonly round: number } | null = null;
  #given: GivenUpdate | null = null;
  /** From the upload on, nothing it sends arrives. */
  #cutOff = false;

  static async open(
    name: string,
    url: string,
    code: string,
    options: LoopbackOptions,
  ): Promise<LoopbackParticipant> {
    const { folder, floor, version } = options;
    const root = join(folder, name, 'models');
    await mkdir(root, { recursive: true });
    const address = parseServerAddress(url);
    let participant: LoopbackParticipant | null = null;
    const reach: Reach = async (signal, bearers) => {
      const connection = await connect(address, { signal, bearers, version });
      return {
        settings: connection.settings,
        async call(tool, args, meta, calling) {
          await participant?.beforeCall(tool);
          return connection.call(tool, args, meta, calling);
        },
        [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
      };
    };
    const services = await openCryptoServices({
      vaultFolder: join(folder, name, 'vault'),
      unlocking: unlockingOf(folder, name),
      sessionsFolder: join(folder, name, 'sessions'),
      roots: [root],
      servers: [{ name: SERVER, address: url, enrolmentCode: code, connect: reach }],
      certified: null,
      clientId: name,
      floor,
    });
    participant = new LoopbackParticipant(name, root, services, options, { reach, url, code });
    return participant;
  }

  private constructor(
    name: string,
    root: string,
    services: OpenCryptoServices,
    options: LoopbackOptions,
    { reach, url, code }: { readonly reach: Reach; readonly url: string; readonly code: string },
  ) {
    this.name = name;
    this.root = root;
    this.services = services;
    this.#options = options;
    this.#reach = reach;
    this.#url = url;
    this.#code = code;
  }

  /** Speaks to the aggregator under this name, without the participant's tools. */
  remote(): Promise<RemoteFederation> {
    const { credentials } = this.services;
    const { name: clientId } = this;
    return RemoteFederation.open({
      ...{ clientId, credentials, server: this.#url, connect: this.#reach, enrolmentCode: this.#code },
    });
  }

  /**
   * Takes part in a round with an update that is prepared.
   * @param dropsOut once its keys are shared: its masked update never arrives
   */
  async contribute(round: number, updateId: string, dropsOut: boolean, signal: AbortSignal): Promise<void> {
    this.#update = { id: updateId, round };
    this.#given = null;
    this.#cutOff = dropsOut;
    const job = await this.services.federation.contribute(updateId, SERVER, this.name);
    await job.wait(signal, () => undefined);
  }

  /** What it gave to the last round; null if it gave nothing. */
  get given(): GivenUpdate | null {
    return this.#given;
  }

  async beforeCall(tool: string): Promise<void> {
    if (this.#cutOff && tool === 'upload_update_chunk')
      throw new ConnectionFailure(`${this.name} has lost its connection`, true);
    if (tool === 'commit_update') this.#given ??= await this.#readGiven();
  }

  async #readGiven(): Promise<GivenUpdate | null> {
    const { folder, policy, floor } = this.#options;
    const unlocking = unlockingOf(folder, this.name);
    using vault = await Vault.open(join(folder, this.name, 'vault'), unlocking);
    const { id, round } = this.#update!;
    const contribution = contributionName(SERVER, this.name, policy.federation, round);
    return await readGiven(new ParticipantVault(vault, floor), contribution, id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.services[Symbol.asyncDispose]();
  }
}

function unlockingOf(folder: string, name: string): { readonly kind: 'key-file'; readonly path: string } {
  return { kind: 'key-file', path: join(folder, name, 'config', 'vault.key') };
}
