/** Both servers in one process with real transports between them, and everything they keep in folders of the test's own. */
import { copyFile, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../client/connection.ts';
import type { Connection } from '../../client/connection.ts';
import { parseServerAddress } from '../../client/server-address.ts';
import { DEFAULT_LIMITS } from '../../inference/configuration.ts';
import type { InferenceServer } from '../../inference/inference-server.ts';
import { openTestServer } from '../../testing/open-test-server.ts';
import { SILENT_LOG } from '../../hosting/log.ts';
import type { TestModel } from '../../testing/served-model.ts';
import { compileFixture } from '../../testing/served-model.ts';
import { CryptoServer } from '../crypto-server.ts';
import type { OpenCryptoServices } from '../open-services.ts';
import { openCryptoServices } from '../open-services.ts';

const SAMPLES = join(import.meta.dirname, '../../../../fixtures/samples');

export interface LocalWorld extends AsyncDisposable {
  readonly model: TestModel;
  readonly remote: InferenceServer;
  readonly remoteUrl: string;
  /** What the remote server keeps. */
  readonly remoteState: string;
  readonly services: OpenCryptoServices;
  readonly local: CryptoServer;
  readonly localUrl: string;
  readonly token: string;
  /** The allowed root; holds the samples. */
  readonly root: string;
  /** What the local server keeps. */
  readonly store: string;
  readonly sessions: string;
  /** Stands between the local server and the network; tests put faults here. */
  readonly network: { wrap: (connection: Connection) => Connection };
}

export async function openLocalWorld(): Promise<LocalWorld> {
  const base = await realpath(await mkdtemp(join(tmpdir(), 'he-compile-world-')));
  const folder = (name: string): string => join(base, name);
  await mkdir(folder('root'));
  for (const name of ['3-0.png', '7-1.png']) await copyFile(join(SAMPLES, name), join(folder('root'), name));
  const model = await compileFixture('digits-square');
  const remote = await openTestServer(
    [model.file],
    {
      stateFolder: folder('remote'),
      limits: {
        ...DEFAULT_LIMITS,
        maxChunkBytes: 2 ** 20,
        maxInlineResultBytes: 2 ** 16,
        requestsPerSecond: 1000,
        requestBurst: 1000,
      },
      enrolment: { open: true, unsigned: false, authorities: [] },
      threads: 1,
    },
    '0.0.0-test',
    SILENT_LOG,
  );
  const http = { tls: null, allowedHosts: [], allowedOrigins: [], requireBearer: false };
  const { url } = await remote.listenHttp({ ...http, address: { host: '127.0.0.1', port: 0 }, sse: true });
  const network = { wrap: (connection: Connection) => connection };
  const address = parseServerAddress(url);
  const services = await openCryptoServices({
    vaultFolder: folder('store'),
    unlocking: { kind: 'key-file', path: join(folder('config'), 'vault.key') },
    sessionsFolder: folder('sessions'),
    roots: [folder('root')],
    servers: [
      {
        name: 'digits',
        address: url,
        connect: async (signal) => network.wrap(await connect(address, { signal })),
        maxChunkBytes: 2 ** 16,
      },
    ],
    certified: null,
    clientId: null,
  });
  const local = new CryptoServer({ services, version: '0.0.0-test', onError: () => undefined });
  const token = 'a-token-of-the-test-0123456789';
  const { url: localUrl } = await local.listenHttp({ host: '127.0.0.1', port: 0 }, token);
  return {
    model,
    remote,
    remoteUrl: url,
    remoteState: folder('remote'),
    services,
    local,
    localUrl,
    token,
    root: folder('root'),
    store: folder('store'),
    sessions: folder('sessions'),
    network,
    async [Symbol.asyncDispose]() {
      await local[Symbol.asyncDispose]();
      await services[Symbol.asyncDispose]();
      await remote[Symbol.asyncDispose]();
      await model[Symbol.asyncDispose]();
      await rm(base, { recursive: true, force: true });
    },
  };
}
