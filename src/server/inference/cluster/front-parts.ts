/** A front end: it has no state, so that there may be any number of them behind any balancer; workers do what it orders. */
import { randomUUID } from 'node:crypto';
import type { Log } from '../../hosting/log.ts';
import { Metrics } from '../../hosting/metrics.ts';
import type { ServerIdentity } from '../../hosting/server-identity.ts';
import { Staging } from '../../hosting/staging.ts';
import { StorageRoom } from '../../hosting/storage-room.ts';
import { tell } from '../../storage/postgres/postgres-notices.ts';
import { PostgresRates } from '../../storage/postgres/postgres-rates.ts';
import { CLUSTER_RULES, PostgresQueue } from '../../storage/postgres/postgres-queue.ts';
import type { ServerConfiguration } from '../configuration.ts';
import { ModelCatalog } from '../model-catalog.ts';
import type { ServerParts } from '../server-parts.ts';
import { assembleServices } from '../server-parts.ts';
import type { ClusterAddresses } from './cluster-stores.ts';
import { openClusterStores } from './cluster-stores.ts';
import { queueRules } from '../work/queue-rules.ts';
import { publishModels } from './published-models.ts';

/** Loads and publishes the models. @throws ArtifactError; as the stores */
export async function openFrontParts(
  artifacts: readonly string[],
  addresses: ClusterAddresses,
  identity: ServerIdentity,
  configuration: ServerConfiguration,
  log: Log,
): Promise<ServerParts> {
  const { limits } = configuration;
  const catalog = await ModelCatalog.load(artifacts);
  const stores = await openClusterStores(addresses, true);
  const { database, notices, records: store, blobs } = stores;
  await publishModels(catalog, blobs);
  const metrics = new Metrics();
  const staging = new Staging(store, blobs, new StorageRoom(store, null, limits, { missingBytes: 0 }));
  const queue = new PostgresQueue(database, notices, `front-${randomUUID()}`, {
    ...CLUSTER_RULES,
    ...queueRules(limits),
  });
  const holders = {
    drop: (clientId: string, keyRef: string) =>
      database.transaction((client) => tell(client, { about: 'revoked', clientId, keyRef }), {
        idempotent: true,
      }),
  };
  const buckets = new PostgresRates(database, limits.requestsPerSecond, limits.requestBurst);
  const services = assembleServices({
    ...{ configuration, identity, catalog, store, blobs, staging, queue, holders, buckets, metrics, log },
  });
  return {
    ...{ services, store, queue, pool: null },
    start: async () => 0,
    trouble: () =>
      database.checkSchema().then(
        () => null,
        () => 'database unavailable',
      ),
    trim: () => queue.sweep(),
    drain: async () => undefined,
    close: async () => stores[Symbol.asyncDispose](),
  };
}
