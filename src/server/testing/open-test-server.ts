/**
 * The remote server of the tests: by itself, or, where the environment names a database, two front ends whose work three workers do. What a
 * server promises, it promises either way, so that the same tests are run for both (`npm run test:cluster`).
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Invitation } from '../hosting/invite.ts';
import { invite, inviteTo } from '../hosting/invite.ts';
import type { Log } from '../hosting/log.ts';
import { ServerIdentity } from '../hosting/server-identity.ts';
import { openClusterStores } from '../inference/cluster/cluster-stores.ts';
import { ClusterWorker } from '../inference/cluster/cluster-worker.ts';
import { openFrontParts } from '../inference/cluster/front-parts.ts';
import type { ServerConfiguration } from '../inference/configuration.ts';
import { openEmbeddedParts } from '../inference/embedded-parts.ts';
import type { EvaluatorPool } from '../inference/evaluation/evaluator-pool.ts';
import type { InferenceServices } from '../inference/services.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { PostgresDatabase } from '../storage/postgres/postgres-database.ts';
import { makeDatabase } from '../storage/testing/make-database.ts';
import { InferenceServer } from '../inference/inference-server.ts';
import type { ServerParts } from '../inference/server-parts.ts';

/** Address of a PostgreSQL server whose user may make databases; and of blobs, where they do not lie in there ("?" stands for a name). */
export const TEST_DATABASE = 'HE_COMPILE_TEST_DATABASE';
export const TEST_BLOBS = 'HE_COMPILE_TEST_BLOBS';

const FRONTS = 2;
const WORKERS = 3;

export const onCluster = process.env[TEST_DATABASE] !== undefined;

/** What tests do behind a server's back, whatever it is made of. */
export interface Backstage {
  /** Of whoever evaluates. */
  readonly pools: readonly EvaluatorPool[];
  /** @param clientId whom the code is for; null: anybody */
  invite(clientId: string | null, lifetimeMs: number): Promise<Invitation>;
  /** All that is kept of clients and sessions, anywhere: what it is, and its bytes. */
  kept(): AsyncIterable<readonly [string, Uint8Array]>;
}

export type TestServer = InferenceServer & { readonly backstage: Backstage };

export async function openTestServer(
  artifacts: readonly string[],
  configuration: ServerConfiguration,
  version: string,
  log: Log,
): Promise<TestServer> {
  const address = process.env[TEST_DATABASE];
  const { stateFolder } = configuration;
  if (address === undefined) {
    const parts = await openEmbeddedParts(artifacts, configuration, log);
    const backstage: Backstage = {
      pools: [parts.pool!],
      invite: (clientId, lifetimeMs) => invite(stateFolder, clientId, lifetimeMs),
      kept: () => filesIn(stateFolder),
    };
    return Object.assign(await InferenceServer.of(parts, version), { backstage });
  }
  await mkdir(stateFolder, { recursive: true });
  const { parts, backstage } = await openCluster(address, artifacts, configuration, log);
  return Object.assign(await InferenceServer.of(parts, version), { backstage });
}

/** A server that is opened again with the same state folder finds what it left: the folder names the database. */
async function openCluster(
  server: string,
  artifacts: readonly string[],
  configuration: ServerConfiguration,
  log: Log,
): Promise<{ readonly parts: ServerParts; readonly backstage: Backstage }> {
  const { stateFolder, limits, threads } = configuration;
  const name = `t${createHash('sha256').update(stateFolder).digest('hex').slice(0, 16)}`;
  const store = process.env[TEST_BLOBS];
  const addresses = {
    database: `${await makeDatabase(server, name)}?max_connections=4`,
    blobs: store === undefined ? 'postgres' : store.replace('?', `${name}?`),
  };
  const identity = await ServerIdentity.open(stateFolder);
  await using opened = new AsyncDisposableStack();
  const fronts: ServerParts[] = [];
  for (let i = 0; i < FRONTS; i++) {
    const front = await openFrontParts(artifacts, addresses, identity, configuration, log);
    opened.defer(() => front.close());
    fronts.push(front);
  }
  const workers: ClusterWorker[] = [];
  const caches: string[] = [];
  for (let i = 0; i < WORKERS; i++) {
    const cacheFolder = await mkdtemp(join(tmpdir(), 'he-compile-cache-'));
    caches.push(cacheFolder);
    opened.defer(() => rm(cacheFolder, { recursive: true, force: true }));
    // As many at once as one server is to do, all together.
    const evaluationsAtOnce = Math.floor((limits.evaluationsAtOnce + i) / WORKERS);
    const settings = { limits: { ...limits, evaluationsAtOnce }, threads, cacheFolder, cacheBytes: 2 ** 30 };
    workers.push(opened.use(await ClusterWorker.open(addresses, settings, log)));
  }
  const [first] = fronts as [ServerParts];
  const stores = opened.use(await openClusterStores(addresses, false));
  const all = opened.move();
  const parts: ServerParts = {
    ...first,
    services: inTurn(fronts.map(({ services }) => services)),
    drain: async () => {
      await Promise.all(workers.map((worker) => worker.drain()));
    },
    close: () => all.disposeAsync(),
  };
  const backstage: Backstage = {
    pools: workers.map(({ pool }) => pool),
    invite: (clientId, lifetimeMs) => inviteTo(stores.records, clientId, lifetimeMs),
    async *kept() {
      yield* filesIn(stateFolder);
      for (const folder of caches) yield* filesIn(folder);
      yield* rowsOf(stores.database);
      for (const kind of ['keys', 'session']) yield* blobsBelow(stores.blobs, kind);
    },
  };
  return { parts, backstage };
}

async function* filesIn(folder: string): AsyncIterable<readonly [string, Uint8Array]> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    // A cache lets go of files whenever it wants.
    const bytes = await readFile(path).catch(() => null);
    if (bytes !== null) yield [path, bytes];
  }
}

/** As text, but for what blobs are made of. */
async function* rowsOf(database: PostgresDatabase): AsyncIterable<readonly [string, Uint8Array]> {
  const tables = await database.all(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`);
  for (const { tablename } of tables) {
    const table = String(tablename);
    if (table === 'blob_rows') continue;
    const rows = await database.all(`SELECT row_to_json(r)::text AS row FROM ${table} r`);
    for (const { row } of rows) yield [table, Buffer.from(String(row))];
  }
}

async function* blobsBelow(blobs: BlobStore, prefix: string): AsyncIterable<readonly [string, Uint8Array]> {
  for (const name of await blobs.list(prefix)) {
    const key = `${prefix}/${name}`;
    if (await blobs.has(key)) yield [key, await blobs.get(key)];
    yield* blobsBelow(blobs, key);
  }
}

/** Whatever a call asks for, another front end answers than the one before, within one call, too: none may know what the others do not. */
function inTurn(all: readonly InferenceServices[]): InferenceServices {
  let turn = 0;
  const next = (): InferenceServices => all[turn++ % all.length]!;
  return {
    ...all[0]!,
    get authentication() {
      return next().authentication;
    },
    get keys() {
      return next().keys;
    },
    get enrolment() {
      return next().enrolment;
    },
    get sessions() {
      return next().sessions;
    },
  };
}
