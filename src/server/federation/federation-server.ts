/** The aggregator as a server: serves its tools over the transports asked for, closes steps in time, and goes down cleanly. */
import { DRAFT } from '../protocol/extension.ts';
import type { HttpSettings } from '../hosting/http-limits.ts';
import { httpLimits, MAX_MESSAGE_BYTES } from '../hosting/http-limits.ts';
import type { Log } from '../hosting/log.ts';
import { noteRefusal, noteTransport } from '../hosting/refused-calls.ts';
import type { HttpListener } from '../transport/http-listener.ts';
import { listenHttp } from '../transport/http-listener.ts';
import type { StdioListener } from '../transport/stdio-listener.ts';
import { listenStdio } from '../transport/stdio-listener.ts';
import type { ToolHost } from '../transport/tool-host.ts';
import { toolServerFactory } from '../transport/tool-server.ts';
import type { FederationParts } from './federation-parts.ts';
import { openFederationParts } from './federation-parts.ts';
import type { FederationPolicy } from './policy-file.ts';
import type { FederationConfiguration, FederationServices } from './services.ts';
import { FEDERATION_TOOLS } from './tools/registry.ts';

const INSTRUCTIONS =
  'Adds up masked or encrypted updates of participants who train a model together; it sees sums with noise in them, and no single update. Participants take part by the tools of their local cryptographic server: fetch_global_model, prepare_update, contribute.';
/** How often deadlines are looked at. */
const TICK_MS = 1000;
const SWEEP_EVERY = 60;

export class FederationServer implements AsyncDisposable {
  readonly #parts: FederationParts;
  readonly #version: string;
  readonly #listeners: (HttpListener | StdioListener)[] = [];
  readonly #clock: NodeJS.Timeout;
  #ticks = 0;
  #closing = false;

  /** Takes up a round that a former process left. @throws as `openFederationParts` */
  static async open(
    template: Uint8Array,
    policy: FederationPolicy,
    configuration: FederationConfiguration,
    version: string,
    log: Log,
  ): Promise<FederationServer> {
    const server = new FederationServer(
      await openFederationParts(template, policy, configuration, log),
      version,
    );
    await server.#parts.ballast.takeAboard();
    await server.services.rounds.sweep();
    log('info', 'started', { count: server.services.rounds.current?.terms.round ?? 0 });
    return server;
  }

  private constructor(parts: FederationParts, version: string) {
    this.#parts = parts;
    this.#version = version;
    this.#clock = setInterval(() => void this.tick().catch((error: unknown) => this.#report(error)), TICK_MS);
    this.#clock.unref();
  }

  get services(): FederationServices {
    return this.#parts.services;
  }

  /** How many are enrolled. */
  clients(): Promise<number> {
    return this.services.clients.clientCount();
  }

  /** Of the first HTTP listener. */
  get httpUrl(): string | null {
    for (const listener of this.#listeners) if ('url' in listener) return listener.url;
    return null;
  }

  /** Closes steps whose time is over, and opens the next round where that is wanted. */
  async tick(now: number = Date.now()): Promise<void> {
    if (this.#closing) return;
    const { rounds, federation, configuration, clients } = this.services;
    await rounds.tick(now);
    const idle = rounds.current === null && !federation.closed;
    if (configuration.autoOpen && idle && federation.roundsSpent < federation.policy.rounds)
      federation.openRound();
    // Nonces and invitations that are past their time.
    if (this.#ticks++ % SWEEP_EVERY === 0) await clients.expired(now);
  }

  /** @throws ProtocolError PLAINTEXT_REFUSED or LISTEN_FAILED */
  async listenHttp(settings: HttpSettings): Promise<HttpListener> {
    const { authentication, configuration } = this.services;
    const listener = await listenHttp(toolServerFactory(this.#host('http')), {
      ...settings,
      ...httpLimits(configuration.limits),
      holderOf: (token) => authentication.holderOf(token),
      pages: {
        '/healthz': async () => ({
          type: 'application/json',
          body: JSON.stringify({ status: this.#status }),
          ok: this.#status === 'ok',
        }),
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

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    clearInterval(this.#clock);
    this.services.rounds.stop();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    await this.services.rounds.settled();
    await this.#parts[Symbol.asyncDispose]();
    this.services.log('info', 'stopped');
  }

  get #status(): string {
    return this.#closing ? 'stopping' : this.#parts.room.full ? 'storage full' : 'ok';
  }

  #host(origin: string): ToolHost<FederationServices> {
    const { services } = this;
    const { limits } = services.configuration;
    return {
      name: 'he-compile-federation',
      title: 'he-compile federation aggregator',
      version: this.#version,
      instructions: INSTRUCTIONS,
      tools: FEDERATION_TOOLS,
      services,
      settings: {
        draft: DRAFT,
        role: 'aggregator',
        maxChunkBytes: limits.maxChunkBytes,
        integrity: ['Ed25519'],
        serverKey: services.identity.publicKey,
      },
      origin,
      admit: (call) => services.authentication.admit(call),
      settled: () => services.clients.settled(),
      sign: (result, call, nonce) => services.identity.sign(result, call, nonce),
      onCall: (tool) => services.metrics.add('requests_total', 1, ['tool', tool]),
      onError: (tool, error) => noteRefusal(services, tool, error),
    };
  }

  async #metrics(): Promise<string> {
    const { metrics, clients, store } = this.services;
    return metrics.text({
      clients: await clients.clientCount(),
      stored_bytes: await clients.storedBytes(),
      rounds: store.rounds().length,
      process_resident_memory_bytes: process.memoryUsage.rss(),
    });
  }

  #report(error: unknown): void {
    noteTransport(this.services, error);
  }
}
