/** An aggregator over real HTTP and participants with key stores of their own, in folders of the test's own. */
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Protection } from '../../federation/policy/protection.ts';
import type { BearerSource } from '../client/bearer-fetch.ts';
import type { Connection } from '../client/connection.ts';
import { connect } from '../client/connection.ts';
import { RemoteFederation } from '../client/remote-federation.ts';
import { parseServerAddress } from '../client/server-address.ts';
import type { KnownDecryptor } from '../crypto/federation/contribution.ts';
import type { ParticipantVault } from '../crypto/federation/participant-vault.ts';
import type { OpenDecryptor } from '../crypto/federation/open-decryptor.ts';
import { openDecryptor } from '../crypto/federation/open-decryptor.ts';
import type { OpenCryptoServices } from '../crypto/open-services.ts';
import { openCryptoServices } from '../crypto/open-services.ts';
import { LOCAL_TOOLS } from '../crypto/tools/registry.ts';
import { FederationServer } from '../federation/federation-server.ts';
import { parsePolicy } from '../federation/policy-file.ts';
import { DECRYPTOR, OWNER, policyText } from './federation-policy.ts';
import { HOSTING_LIMITS } from '../hosting/limits.ts';
import { invite } from '../hosting/invite.ts';
import type { Log } from '../hosting/log.ts';

export const TEMPLATE = readFileSync(join(import.meta.dirname, '../../../fixtures/digits-square.onnx'));
const CHUNK_BYTES = 8192;
/** Stands between a participant and the network: tests look at calls, and put faults here. */
export interface Wire {
  /** May throw instead of letting the call through. */
  before: (
    participant: string,
    tool: string,
    args: Readonly<Record<string, unknown>>,
  ) => Promise<void> | void;
  /** Of calls that were answered; may throw instead of handing the answer on. */
  after: (participant: string, tool: string, answer: unknown) => Promise<void> | void;
}

export interface FederationWorld extends AsyncDisposable {
  readonly base: string;
  /** What the aggregator keeps. */
  readonly state: string;
  readonly url: string;
  readonly server: FederationServer;
  readonly wire: Wire;
  /** Ends the aggregator, and starts another one on what it kept, at the same address. */
  restart(): Promise<void>;
  /** @param decryptor as it is known from elsewhere */
  participant(name: string, floor?: Protection, decryptor?: KnownDecryptor): Promise<Participant>;
  /** The process of this name that is at work. */
  living(name: string): Participant;
  /** Ends a participant's process, and starts another one on what it kept, which goes on. */
  revive(name: string): Promise<void>;
  owner(): Promise<RemoteFederation>;
  /** Another process of the same decryptor, as often as it is asked for. */
  decryptor(): Promise<OpenDecryptor>;
  /** Single calls, as this participant. */
  remote(name: string): Promise<RemoteFederation>;
}

export interface Participant extends AsyncDisposable {
  readonly name: string;
  readonly root: string;
  readonly vaultFolder: string;
  /** Of what its process keeps of federations. */
  readonly vault: ParticipantVault;
  readonly services: OpenCryptoServices;
  /** As an agent calls a tool of its local server. */
  call(tool: string, args: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>>;
}

export async function openFederationWorld(
  policy = policyText(),
  log: Log = () => undefined,
): Promise<FederationWorld> {
  const base = await realpath(await mkdtemp(join(tmpdir(), 'he-compile-federation-')));
  const state = join(base, 'aggregator');
  const open = async (port: number): Promise<FederationServer> => {
    const server = await FederationServer.open(
      TEMPLATE,
      parsePolicy(policy),
      {
        stateFolder: state,
        limits: {
          ...HOSTING_LIMITS,
          maxChunkBytes: CHUNK_BYTES,
          requestsPerSecond: 1e5,
          requestBurst: 1e5,
          strangerRequestsPerSecond: 1e5,
          strangerRequestBurst: 1e5,
        },
        enrolment: { open: true, unsigned: false, authorities: [] },
        autoOpen: false,
      },
      '0.0.0-test',
      log,
    );
    const http = { tls: null, sse: false, allowedHosts: [], allowedOrigins: [], requireBearer: false };
    await server.listenHttp({ ...http, address: { host: '127.0.0.1', port } });
    return server;
  };
  let server = await open(0);
  const url = server.httpUrl!;
  const wire: Wire = { before: () => undefined, after: () => undefined };
  const closing = new AsyncDisposableStack();
  const alive = new Map<string, Participant>();
  const reach = (name: string) => async (signal: AbortSignal | undefined, bearers?: BearerSource) =>
    watched(await connect(parseServerAddress(url), { signal, bearers }), name, wire);
  const world: FederationWorld = {
    ...{ base, state, url, wire },
    get server() {
      return server;
    },
    async restart() {
      const port = Number(new URL(url).port);
      await server[Symbol.asyncDispose]();
      server = await open(port);
    },
    living: (name) => alive.get(name)!,
    async revive(name) {
      // Later, since what is ended has called.
      await delay(0);
      await alive.get(name)!.services[Symbol.asyncDispose]();
      const { services } = await world.participant(name);
      await services.federation.resumeAll();
    },
    async participant(name, floor, decryptor) {
      const folder = (part: string): string => join(base, name, part);
      await mkdir(folder('root'), { recursive: true });
      const services = await openCryptoServices({
        vaultFolder: folder('vault'),
        unlocking: { kind: 'key-file', path: join(folder('config'), 'vault.key') },
        sessionsFolder: folder('sessions'),
        roots: [folder('root')],
        servers: [{ name: 'aggregator', address: url, connect: reach(name) }],
        certified: null,
        clientId: name,
        ...(floor === undefined ? {} : { floor }),
        ...(decryptor === undefined ? {} : { decryptor }),
      });
      const participant = participantOf(name, services, folder('root'), folder('vault'));
      alive.set(name, participant);
      return participant;
    },
    owner: () => world.remote(OWNER),
    async decryptor() {
      const folder = (part: string): string => join(base, DECRYPTOR, part);
      const enrolmentCode = (await invite(state, DECRYPTOR, 60_000)).code;
      return closing.use(
        await openDecryptor({
          name: DECRYPTOR,
          members: null,
          folder: folder('sums'),
          vaultFolder: folder('vault'),
          unlocking: { kind: 'key-file', path: join(folder('config'), 'vault.key') },
          certified: null,
          aggregator: { name: 'aggregator', address: url, enrolmentCode, connect: reach(DECRYPTOR) },
          note: () => undefined,
          pauseMs: 20,
        }),
      );
    },
    async remote(name) {
      const participant = alive.get(name) ?? (await world.participant(name));
      const known = await participant.services.credentials.enrolment(name, url);
      const { code: enrolmentCode } =
        known === null ? await invite(state, name, 60_000) : { code: undefined };
      const remote = await RemoteFederation.open({
        ...{ clientId: name, enrolmentCode },
        server: url,
        connect: reach(name),
        credentials: participant.services.credentials,
      });
      closing.use(remote);
      return remote;
    },
    async [Symbol.asyncDispose]() {
      await closing.disposeAsync();
      for (const participant of alive.values()) await participant[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await rm(base, { recursive: true, force: true });
    },
  };
  return world;
}

/** Prepares small numbers that nobody else has, as an array that numpy wrote. @returns its update_id */
export async function preparedUpdate(
  participant: Participant,
  length: number,
  seed: number,
): Promise<string> {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${length},), }`.padEnd(117) + '\n';
  const values = Float32Array.from({ length }, (_, i) => 0.004 * Math.sin(seed * 1000 + i));
  const delta_path = join(participant.root, `delta-${seed}.npy`);
  const magic = Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1');
  await writeFile(delta_path, Buffer.concat([magic, Buffer.from(header), Buffer.from(values.buffer)]));
  return String((await participant.call('prepare_update', { delta_path }))['update_id']);
}

function participantOf(
  name: string,
  services: OpenCryptoServices,
  root: string,
  vaultFolder: string,
): Participant {
  return {
    ...{ name, services, root, vaultFolder },
    vault: services.federation.vault,
    async call(tool, args) {
      const found = LOCAL_TOOLS.find((each) => each.name === tool)!;
      const answer = await found.run(found.input.parse(args), services, {
        signal: new AbortController().signal,
        progress: () => undefined,
        bearer: null,
        origin: 'test',
        vouch: () => undefined,
        received: { tool, arguments: args },
        meta: {},
      });
      return found.output.parse(answer);
    },
    [Symbol.asyncDispose]: () => services[Symbol.asyncDispose](),
  };
}

function watched(connection: Connection, name: string, wire: Wire): Connection {
  return {
    settings: connection.settings,
    async call(tool, args, meta, options) {
      await wire.before(name, tool, args);
      const answer = await connection.call(tool, args, meta, options);
      await wire.after(name, tool, answer);
      return answer;
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}
