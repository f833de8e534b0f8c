/**
 * The remote server of the tests: by itself, or, where the environment names a database, a front end whose work workers do. What a server
 * promises, it promises either way, so that the same tests are run for both (`npm run test:cluster`).
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../hosting/log.ts';
import { ServerIdentity } from '../hosting/server-identity.ts';
import { ClusterWorker } from '../inference/cluster/cluster-worker.ts';
import { openFrontParts } from '../inference/cluster/front-parts.ts';
import type { ServerConfiguration } from '../inference/configuration.ts';
import { makeDatabase } from '../storage/testing/make-database.ts';
import { InferenceServer } from '../inference/inference-server.ts';
import type { ServerParts } from '../inference/server-parts.ts';

/** Address of a PostgreSQL server whose user may make databases; and of blobs, where they do not lie in there. */
export const TEST_DATABASE = 'HE_COMPILE_TEST_DATABASE';
const TEST_BLOBS = 'HE_COMPILE_TEST_BLOBS';

export const onCluster = process.env[TEST_DATABASE] !== undefined;

export async function openTestServer(
  artifacts: readonly string[],
  configuration: ServerConfiguration,
  version: string,
  log: Log,
): Promise<InferenceServer> {
  const address = process.env[TEST_DATABASE];
  if (address === undefined) return InferenceServer.open(artifacts, configuration, version, log);
  return InferenceServer.of(await clusterParts(address, artifacts, configuration, log), version);
}

/** A server that is opened again with the same state folder finds what it left: the folder names the database. */
async function clusterParts(
  server: string,
  artifacts: readonly string[],
  configuration: ServerConfiguration,
  log: Log,
): Promise<ServerParts> {
  const { stateFolder, limits, threads } = configuration;
  const name = `t${createHash('sha256').update(stateFolder).digest('hex').slice(0, 16)}`;
  const store = process.env[TEST_BLOBS];
  const addresses = {
    database: await makeDatabase(server, name),
    blobs: store === undefined ? 'postgres' : store.replace('?', `/${name}?`),
  };
  const identity = await ServerIdentity.open(stateFolder);
  const front = await openFrontParts(artifacts, addresses, identity, configuration, log);
  const cacheFolder = await mkdtemp(join(tmpdir(), 'he-compile-cache-'));
  const worker = await ClusterWorker.open(
    addresses,
    { limits, threads, cacheFolder, cacheBytes: 2 ** 30 },
    log,
  );
  return {
    ...front,
    drain: () => worker.drain(),
    async close() {
      await worker[Symbol.asyncDispose]();
      await front.close();
      await rm(cacheFolder, { recursive: true, force: true });
    },
  };
}
