/** The remote inference server: puts its parts together, serves them over the transports asked for, and takes them down. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExtensionSettings } from '../protocol/extension.ts';
import { DRAFT } from '../protocol/extension.ts';
import { Ballast, BALLAST_BYTES } from '../storage/ballast.ts';
import { diskSpace } from '../storage/disk-space.ts';
import { FairQueue } from '../storage/fair-queue.ts';
import { FileBlobStore } from '../storage/file-blob-store.ts';
import { lockState } from '../storage/state-lock.ts';
import { SqliteMetadataStore } from '../storage/sqlite-metadata-store.ts';
import type { HttpListener, HttpListenerOptions } from '../transport/http-listener.ts';
import { listenHttp } from '../transport/http-listener.ts';
import type { StdioListener } from '../transport/stdio-listener.ts';
import { listenStdio } from '../transport/stdio-listener.ts';
import type { ToolHost } from '../transport/tool-host.ts';
import { toolServerFactory } from '../transport/tool-server.ts';
import { Authentication } from './authentication.ts';
import type { ServerConfiguration } from './configuration.ts';
import { EnrolmentOffice } from './enrolment.ts';
import { EvaluationRunner } from './evaluation-runner.ts';
import { EvaluatorPool } from './evaluation/evaluator-pool.ts';
import { httpLimits, MAX_MESSAGE_BYTES } from './http-limits.ts';
import { KeyProvisioning } from './key-provisioning.ts';
import type { Log } from './log.ts';
import { Metrics } from './metrics.ts';
import { ModelCatalog } from './model-catalog.ts';
import { modelDocuments } from './model-documents.ts';
import { RateLimiter } from '../transport/rate-limiter.ts';
import { ServerIdentity } from './server-identity.ts';
import type { InferenceServices } from './services.ts';
import { SessionTasks } from './session-tasks.ts';
import { Sessions } from './sessions.ts';
import { Staging } from './staging.ts';
import { StorageRoom } from './storage-room.ts';
import { REMOTE_TOOLS } from './tools/registry.ts';

const INSTRUCTIONS =
  'Evaluates models on encrypted inputs; it sees neither inputs nor results. Steps: describe_model, enrol_client, begin_key_provisioning / upload_evaluation_key_chunk / commit_evaluation_keys, upload_ciphertext_chunk, remote_inference_cnn; encrypt and decrypt with a local cryptographic server. Ciphertexts are megabytes: let a program move them.';
const SWEEP_MS = 60_000;

export type HttpSettings = Pick<
  HttpListenerOptions,
  'address' | 'tls' | 'sse' | 'allowedHosts' | 'allowedOrigins' | 'requireBearer' | 'proxies'
>;

export class InferenceServer implements AsyncDisposable {
  readonly services: InferenceServices;
  readonly pool: EvaluatorPool;
  readonly #store: SqliteMetadataStore;
  readonly #queue: FairQueue;
  readonly #runner: EvaluationRunner;
  readonly #version: string;
  readonly #lock: Disposable;
  readonly #room: StorageRoom;
  readonly #ballast: Ballast;
  readonly #listeners: (HttpListener | StdioListener)[] = [];
  readonly #sweep: NodeJS.Timeout;
  #closing = false;

  /** Loads the models and takes up what a former process left unfinished. */
  static async open(
    artifacts: readonly string[],
    configuration: ServerConfiguration,
    version: string,
    log: Log,
  ): Promise<InferenceServer> {
    const { stateFolder, limits, enrolment } = configuration;
    const catalog = await ModelCatalog.load(artifacts);
    await mkdir(stateFolder, { recursive: true, mode: 0o700 });
    const lock = await lockState(stateFolder);
    const ballast = new Ballast(stateFolder);
    // A server starts on a full disk, too: only then can what it has be discarded.
    if (diskSpace(stateFolder).free < BALLAST_BYTES) ballast.throwOff();
    const identity = await ServerIdentity.open(stateFolder);
    const blobs = await FileBlobStore.open(join(stateFolder, 'blobs'));
    const store = await SqliteMetadataStore.open(join(stateFolder, 'server.db'), () => ballast.throwOff());
    const room = new StorageRoom(store, stateFolder, limits, ballast);
    const metrics = new Metrics();
    const limiter = new RateLimiter(limits.requestsPerSecond, limits.requestBurst);
    const authentication = new Authentication(store, limiter, {
      clockSkewMs: limits.clockSkewMs,
      unsigned: enrolment.unsigned,
      serverKeyId: identity.id,
    });
    const staging = new Staging(store, blobs, room);
    const pool = new EvaluatorPool(limits.maxMemoryBytes, log, metrics);
    const keys = new KeyProvisioning(store, staging, pool, catalog, configuration, blobs.location);
    const runner = new EvaluationRunner(keys, limits.evaluationTimeoutMs, log, metrics);
    const queue = new FairQueue({
      concurrency: limits.evaluationsAtOnce,
      concurrencyPerClient: limits.evaluationsAtOncePerClient,
      capacity: limits.queueCapacity,
      capacityPerClient: limits.queueCapacityPerClient,
      quantum: limits.queueQuantum,
      quantumMs: limits.queueQuantumMs,
    });
    const sessions = new Sessions({ store, blobs, staging, queue, keys, catalog, runner, limits });
    const services: InferenceServices = {
      configuration,
      identity,
      catalog,
      authentication,
      enrolment: new EnrolmentOffice(store, authentication, enrolment, limits),
      keys,
      sessions,
      metrics,
      log,
    };
    const server = new InferenceServer(services, pool, store, queue, runner, version, lock, room, ballast);
    await server.trim();
    const recovered = sessions.recover();
    log('info', 'started', { count: recovered });
    return server;
  }

  private constructor(
    services: InferenceServices,
    pool: EvaluatorPool,
    store: SqliteMetadataStore,
    queue: FairQueue,
    runner: EvaluationRunner,
    version: string,
    lock: Disposable,
    room: StorageRoom,
    ballast: Ballast,
  ) {
    this.#room = room;
    this.#ballast = ballast;
    this.#lock = lock;
    this.services = services;
    this.pool = pool;
    this.#store = store;
    this.#queue = queue;
    this.#runner = runner;
    this.#version = version;
    this.#sweep = setInterval(
      () => void this.sweep().catch((error: unknown) => this.#report(error)),
      SWEEP_MS,
    );
    this.#sweep.unref();
  }

  /** Of the first HTTP listener. */
  get httpUrl(): string | null {
    for (const listener of this.#listeners) if ('url' in listener) return listener.url;
    return null;
  }

  get clients(): number {
    return this.#store.clientCount();
  }

  /** @throws ProtocolError PLAINTEXT_REFUSED or LISTEN_FAILED */
  async listenHttp(settings: HttpSettings): Promise<HttpListener> {
    const { limits } = this.services.configuration;
    const listener = await listenHttp(toolServerFactory(this.#host('http')), {
      ...settings,
      ...httpLimits(limits),
      holderOf: (token) => this.services.authentication.holderOf(token),
      pages: {
        '/healthz': () => ({
          type: 'application/json',
          body: this.#health(),
          ok: !this.#closing && !this.#room.full,
        }),
        '/metrics': () => ({ type: 'text/plain; version=0.0.4', body: this.#metrics(), ok: true }),
      },
      onError: (error) => this.#report(error),
    });
    this.#listeners.push(listener);
    return listener;
  }

  listenStdio(): StdioListener {
    const factory = toolServerFactory(this.#host('stdio'));
    const listener = listenStdio(factory, MAX_MESSAGE_BYTES, (error) => this.#report(error));
    this.#listeners.push(listener);
    return listener;
  }

  /** Removes what has expired. */
  async sweep(now: number = Date.now()): Promise<void> {
    const { sessions, keySets } = this.#store.expired(now);
    for (const record of sessions) await this.services.sessions.remove(record);
    for (const record of keySets) await this.services.keys.expire(record);
    await this.trim();
  }

  /** Takes ballast aboard where there is room for it. */
  async trim(): Promise<void> {
    await this.#ballast.takeAboard();
  }

  /** Running evaluations get a while to end; what waits is taken up at the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#runner.stopping = true;
    clearInterval(this.#sweep);
    await this.#queue.close(this.services.configuration.limits.shutdownGraceMs);
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    await this.pool[Symbol.asyncDispose]();
    this.#store[Symbol.dispose]();
    this.#lock[Symbol.dispose]();
    this.services.log('info', 'stopped');
  }

  #host(origin: string): ToolHost<InferenceServices> {
    const { services } = this;
    return {
      name: 'he-compile-inference',
      title: 'he-compile remote inference server',
      version: this.#version,
      instructions: INSTRUCTIONS,
      tools: REMOTE_TOOLS,
      // Over stdio nobody shows a token, and several clients may share a process.
      tasks: new SessionTasks(services, origin === 'http'),
      documents: modelDocuments(services),
      services,
      settings: { ...this.settings() },
      origin,
      admit: (call) => services.authentication.admit(call),
      settled: () => this.#store.settled(),
      sign: (result, call, nonce) => services.identity.sign(result, call, nonce),
      onCall: (tool) => services.metrics.add('requests_total', 1, ['tool', tool]),
      onError: (tool, error) => {
        services.metrics.add('errors_total', 1, ['code', error.code]);
        const bug =
          error.code === 'ERROR_INTERNAL' && error.cause instanceof Error ? error.cause.stack : undefined;
        const detail = bug === undefined ? {} : { detail: bug };
        services.log(bug === undefined ? 'warn' : 'error', 'call refused', {
          tool,
          code: error.code,
          ...detail,
        });
      },
    };
  }

  settings(): ExtensionSettings {
    const { catalog, identity, configuration } = this.services;
    const { limits } = configuration;
    return {
      draft: DRAFT,
      maxChunkBytes: limits.maxChunkBytes,
      sessionQuota: { sessions: limits.sessionsPerClient, bytes: limits.sessionBytesPerClient },
      schemes: [...new Set(catalog.all.map(({ artifact }) => artifact.negotiation.scheme_context))],
      parameterSets: [...new Set(catalog.all.map(({ algorithmId }) => algorithmId))],
      integrity: ['Ed25519'],
      keyTransport: ['chunks'],
      serverKey: identity.publicKey,
    };
  }

  #health(): string {
    return JSON.stringify({
      status: this.#closing ? 'stopping' : this.#room.full ? 'storage full' : 'ok',
      models: this.services.catalog.all.length,
    });
  }

  #metrics(): string {
    return this.services.metrics.text({
      queue_waiting: this.#queue.depth,
      queue_running: this.#queue.running,
      evaluators: this.pool.size,
      evaluator_reserved_bytes: this.pool.reservedBytes,
      clients: this.#store.clientCount(),
      stored_bytes: this.#store.storedBytes(),
      process_resident_memory_bytes: process.memoryUsage.rss(),
    });
  }

  #report(error: unknown): void {
    this.services.log('warn', 'transport', {
      detail: error instanceof Error ? error.message.slice(0, 300) : '',
    });
  }
}
