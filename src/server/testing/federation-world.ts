/** An aggregator over real HTTP and participants with key stores of their own, in folders of the test's own. */
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Protection } from '../../federation/policy/protection.ts';
import type { BearerSource } from '../client/bearer-fetch.ts';
import type { Connection } from '../client/connection.ts';
import { connect } from '../client/connection.ts';
import { RemoteFederation } from '../client/remote-federation.ts';
import { parseServerAddress } from '../client/server-address.ts';
import type { OpenCryptoServices } from '../crypto/open-services.ts';
import { openCryptoServices } from '../crypto/open-services.ts';
import { LOCAL_TOOLS } from '../crypto/tools/registry.ts';
import { FederationServer } from '../federation/federation-server.ts';
import { parsePolicy } from '../federation/policy-file.ts';
import { HOSTING_LIMITS } from '../hosting/limits.ts';
import type { Log } from '../hosting/log.ts';

export const TEMPLATE = readFileSync(join(import.meta.dirname, '../../../fixtures/digits-square.onnx'));
const CHUNK_BYTES = 8192;
export const OWNER = 'coordinator';

export function policyText(changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    federation: 'hospitals',
    owner: OWNER,
    context: { sensitivity: 'personal', jurisdictions: ['EU'], clients: 5, client_resources: 'low' },
    rounds: 2,
    clip: 1,
    ...changes,
  });
}

/** Stands between a participant and the network: tests look at calls, and put faults here. */
export interface Wire {
  /** May throw instead of letting the call through. */
  before: (
    participant: string,
    tool: string,
    args: Readonly<Record<string, unknown>>,
  ) => Promise<void> | void;
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
  participant(name: string, floor?: Protection): Promise<Participant>;
  owner(): Promise<RemoteFederation>;
}

export interface Participant extends AsyncDisposable {
  readonly name: string;
  readonly root: string;
  readonly vault: string;
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
  const wire: Wire = { before: () => undefined };
  const closing = new AsyncDisposableStack();
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
    async participant(name, floor) {
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
      });
      const participant = participantOf(name, services, folder('root'), folder('vault'));
      closing.use(participant);
      return participant;
    },
    async owner() {
      const participant = await world.participant(OWNER);
      const remote = await RemoteFederation.open({
        clientId: OWNER,
        server: url,
        connect: reach(OWNER),
        credentials: participant.services.credentials,
      });
      closing.use(remote);
      return remote;
    },
    async [Symbol.asyncDispose]() {
      await closing.disposeAsync();
      await server[Symbol.asyncDispose]();
      await rm(base, { recursive: true, force: true });
    },
  };
  return world;
}

function participantOf(name: string, services: OpenCryptoServices, root: string, vault: string): Participant {
  return {
    ...{ name, services, root, vault },
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
      return connection.call(tool, args, meta, options);
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}
