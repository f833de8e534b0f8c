/** The remote inference server: serves its parts over the transports asked for, sweeps, and takes them down. */
import { InternalError } from '../../errors.ts';
import type { ExtensionSettings } from '../protocol/extension.ts';
import { DRAFT } from '../protocol/extension.ts';
import type { HttpListener } from '../transport/http-listener.ts';
import { listenHttp } from '../transport/http-listener.ts';
import type { StdioListener } from '../transport/stdio-listener.ts';
import { listenStdio } from '../transport/stdio-listener.ts';
import type { ToolHost } from '../transport/tool-host.ts';
import { toolServerFactory } from '../transport/tool-server.ts';
import type { ServerConfiguration } from './configuration.ts';
import type { EvaluatorPool } from './evaluation/evaluator-pool.ts';
import type { HttpSettings } from '../hosting/http-limits.ts';
import { httpLimits, MAX_MESSAGE_BYTES } from '../hosting/http-limits.ts';
import type { Log } from '../hosting/log.ts';
import { noteRefusal, noteTransport } from '../hosting/refused-calls.ts';
import { modelDocuments } from './model-documents.ts';
import type { ServerParts } from './server-parts.ts';
import { openEmbeddedParts } from './embedded-parts.ts';
import type { InferenceServices } from './services.ts';
import { SessionTasks } from './session-tasks.ts';
import { REMOTE_TOOLS } from './tools/registry.ts';

const INSTRUCTIONS =
  'Evaluates models on encrypted inputs; it sees neither inputs nor results. Steps: describe_model, enrol_client, begin_key_provisioning / upload_evaluation_key_chunk / commit_evaluation_keys, upload_ciphertext_chunk, remote_inference_cnn; encrypt and decrypt with a local cryptographic server. Ciphertexts are megabytes: let a program move them.';
const SWEEP_MS = 60_000;

export class InferenceServer implements AsyncDisposable {
  readonly #parts: ServerParts;
  readonly #version: string;
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
    return InferenceServer.of(await openEmbeddedParts(artifacts, configuration, log), version);
  }

  static async of(parts: ServerParts, version: string): Promise<InferenceServer> {
    const server = new InferenceServer(parts, version);
    await server.trim();
    parts.services.log('info', 'started', { count: await parts.start() });
    return server;
  }

  private constructor(parts: ServerParts, version: string) {
    this.#parts = parts;
    this.#version = version;
    this.#sweep = setInterval(
      () => void this.sweep().catch((error: unknown) => this.#report(error)),
      SWEEP_MS,
    );
    this.#sweep.unref();
  }

  get services(): InferenceServices {
    return this.#parts.services;
  }

  /** @throws InternalError where others evaluate */
  get pool(): EvaluatorPool {
    const { pool } = this.#parts;
    if (pool === null) throw new InternalError('a front end has no evaluation processes');
    return pool;
  }

  /** Of the first HTTP listener. */
  get httpUrl(): string | null {
    for (const listener of this.#listeners) if ('url' in listener) return listener.url;
    return null;
  }

  /** How many are enrolled. */
  clients(): Promise<number> {
    return this.#parts.store.clientCount();
  }

  /** @throws ProtocolError PLAINTEXT_REFUSED or LISTEN_FAILED */
  async listenHttp(settings: HttpSettings): Promise<HttpListener> {
    const { limits } = this.services.configuration;
    const listener = await listenHttp(toolServerFactory(this.#host('http')), {
      ...settings,
      ...httpLimits(limits),
      holderOf: (token) => this.services.authentication.holderOf(token),
      pages: {
        '/healthz': () => this.#health(),
        '/readyz': () => this.#health(),
        '/livez': async () => ({ type: 'application/json', body: '{"status":"ok"}', ok: true }),
        '/metrics': async () => ({
          type: 'text/plain; version=0.0.4',
          body: await this.#metrics(),
          ok: true,
        }),
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
    const { sessions, keySets } = await this.#parts.store.expired(now);
    for (const record of sessions) await this.services.sessions.remove(record);
    for (const record of keySets) await this.services.keys.expire(record);
    await this.trim();
  }

  /** Keeps house. */
  async trim(): Promise<void> {
    await this.#parts.trim();
  }

  /** Running evaluations get a while to end; what waits is taken up at the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    clearInterval(this.#sweep);
    await this.#parts.queue.close();
    await this.#parts.drain(this.services.configuration.limits.shutdownGraceMs);
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    await this.#parts.close();
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
      settled: () => this.#parts.store.settled(),
      sign: (result, call, nonce) => services.identity.sign(result, call, nonce),
      onCall: (tool) => services.metrics.add('requests_total', 1, ['tool', tool]),
      onError: (tool, error) => noteRefusal(services, tool, error),
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

  async #health(): Promise<{ type: string; body: string; ok: boolean }> {
    const trouble = this.#closing ? 'stopping' : await this.#parts.trouble();
    const body = JSON.stringify({ status: trouble ?? 'ok', models: this.services.catalog.all.length });
    return { type: 'application/json', body, ok: trouble === null };
  }

  async #metrics(): Promise<string> {
    const { queue, pool } = this.#parts;
    const { waiting, running, ...gauges } = await queue.gauges();
    return this.services.metrics.text({
      queue_waiting: waiting,
      queue_running: running,
      ...(gauges.oldestReadySeconds === undefined
        ? {}
        : { queue_oldest_ready_seconds: gauges.oldestReadySeconds }),
      ...(gauges.readyCostSeconds === undefined ? {} : { queue_ready_cost_seconds: gauges.readyCostSeconds }),
      ...(gauges.workers === undefined ? {} : { workers: gauges.workers }),
      ...(pool === null ? {} : { evaluators: pool.size, evaluator_reserved_bytes: pool.reservedBytes }),
      clients: await this.#parts.store.clientCount(),
      stored_bytes: await this.#parts.store.storedBytes(),
      process_resident_memory_bytes: process.memoryUsage.rss(),
    });
  }

  #report(error: unknown): void {
    noteTransport(this.services, error);
  }
}
