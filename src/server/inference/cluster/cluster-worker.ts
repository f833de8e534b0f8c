/** A worker: takes jobs from the database, keys and inputs from the blob store, and has nothing that is lost with it. */
import { randomUUID } from 'node:crypto';
import type { Log } from '../../hosting/log.ts';
import { Metrics } from '../../hosting/metrics.ts';
import { Staging } from '../../hosting/staging.ts';
import { BlobCache } from '../../storage/blob-cache.ts';
import { CLUSTER_RULES, PostgresQueue } from '../../storage/postgres/postgres-queue.ts';
import type { ServerLimits } from '../configuration.ts';
import { EvaluatorPool } from '../evaluation/evaluator-pool.ts';
import { assembleWorker } from '../work/assemble-worker.ts';
import type { JobWorker } from '../work/job-worker.ts';
import { queueRules } from '../work/queue-rules.ts';
import type { ClusterAddresses, ClusterStores } from './cluster-stores.ts';
import { openClusterStores } from './cluster-stores.ts';
import { PublishedModels } from './published-models.ts';

export interface WorkerSettings {
  readonly limits: ServerLimits;
  /** Of one evaluation. */
  readonly threads: number;
  /** Of this worker alone. */
  readonly cacheFolder: string;
  readonly cacheBytes: number;
}

const HEARTBEAT_MS = 5000;
/** Key sets whose keys are looked at at the same time: the store, and not the processors, is what that waits for. */
const KEYS_AT_ONCE = 2;

export class ClusterWorker implements AsyncDisposable {
  readonly #stores: ClusterStores;
  readonly #queue: PostgresQueue;
  readonly #pool: EvaluatorPool;
  readonly #worker: JobWorker;
  readonly #cache: BlobCache;
  readonly #metrics: Metrics;
  readonly #settings: WorkerSettings;
  readonly #log: Log;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #revocations: Disposable;
  /** Since it was told to. */
  #drained: Promise<void> | null = null;
  #heardAt = performance.now();

  static async open(addresses: ClusterAddresses, settings: WorkerSettings, log: Log): Promise<ClusterWorker> {
    const stores = await openClusterStores(addresses, false);
    const cache = await BlobCache.open(settings.cacheFolder, stores.blobs, settings.cacheBytes);
    const worker = new ClusterWorker(stores, cache, settings, log);
    await worker.#beat();
    worker.#worker.start();
    log('info', 'started');
    return worker;
  }

  private constructor(stores: ClusterStores, cache: BlobCache, settings: WorkerSettings, log: Log) {
    const { limits } = settings;
    const { database, notices, records: store, blobs } = stores;
    this.#stores = stores;
    this.#cache = cache;
    this.#settings = settings;
    this.#log = log;
    this.#metrics = new Metrics();
    this.#pool = new EvaluatorPool(limits.maxMemoryBytes, log, this.#metrics);
    this.#queue = new PostgresQueue(database, notices, `worker-${randomUUID()}`, {
      ...CLUSTER_RULES,
      ...queueRules(limits),
      onEvent: (what, count) => this.#metrics.add(what, count),
    });
    // Nothing is uploaded here.
    const staging = new Staging(store, blobs, { hold: async () => ({ [Symbol.dispose]: () => undefined }) });
    this.#worker = assembleWorker(
      {
        ...{ store, queue: this.#queue, staging, pool: this.#pool, near: cache, log },
        models: new PublishedModels(blobs, cache),
        configuration: settings,
        metrics: this.#metrics,
      },
      KEYS_AT_ONCE,
    );
    this.#revocations = notices.subscribe((notice) => {
      if (notice.about === 'revoked')
        void this.#pool.drop(notice.clientId, notice.keyRef).catch((error: unknown) => this.#report(error));
    });
    this.#heartbeat = setInterval(
      () => void this.#beat().catch((error: unknown) => this.#report(error)),
      HEARTBEAT_MS,
    );
  }

  /** Its evaluation processes. */
  get pool(): EvaluatorPool {
    return this.#pool;
  }

  /** Why it takes no work now, for people; null: it does. */
  get trouble(): string | null {
    if (this.#drained !== null) return 'draining';
    return performance.now() - this.#heardAt > CLUSTER_RULES.workerMs ? 'database unavailable' : null;
  }

  /** In the text format of Prometheus. */
  metrics(): string {
    return this.#metrics.text({
      evaluators: this.#pool.size,
      evaluator_reserved_bytes: this.#pool.reservedBytes,
      cache_bytes: this.#cache.bytes,
      process_resident_memory_bytes: process.memoryUsage.rss(),
    });
  }

  /** Takes no more; what is under way gets a while to end, and waits for another worker then. */
  drain(): Promise<void> {
    this.#drained ??= this.#queue
      .close()
      .then(() => this.#worker.drain(this.#settings.limits.shutdownGraceMs));
    return this.#drained;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
    clearInterval(this.#heartbeat);
    this.#revocations[Symbol.dispose]();
    await this.#pool[Symbol.asyncDispose]();
    await this.#queue.leave().catch((error: unknown) => this.#report(error));
    await this.#stores[Symbol.asyncDispose]();
    this.#log('info', 'stopped');
  }

  /** Leases, and what was revoked while nobody could tell. */
  async #beat(): Promise<void> {
    await this.#queue.heartbeat(this.#drained === null ? this.#pool.warm : []);
    this.#heardAt = performance.now();
    for (const affinity of this.#pool.warm) {
      const [clientId = '', keyRef = ''] = affinity.split(' ');
      const keys = await this.#stores.records.keySet(clientId, keyRef);
      if (keys === null || keys.state === 'revoked' || keys.state === 'rejected')
        await this.#pool.drop(clientId, keyRef);
    }
  }

  #report(error: unknown): void {
    this.#log('error', 'worker', { detail: String(error) });
  }
}
