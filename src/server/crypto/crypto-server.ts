/**
 * The local cryptographic server (the draft's §5.1, trusted zone): keys, encryption and decryption for agents on this machine.
 * It listens on stdio or on loopback, never anywhere else.
 */
import { ProtocolError } from '../../errors.ts';
import type { CryptoServices } from './services.ts';
import { localPrompts } from './prompts.ts';
import { DRAFT } from '../protocol/extension.ts';
import type { ToolError } from '../protocol/error-codes.ts';
import type { HttpListener } from '../transport/http-listener.ts';
import { listenHttp } from '../transport/http-listener.ts';
import type { ListenAddress } from '../transport/listen-address.ts';
import { isLoopback } from '../transport/listen-address.ts';
import { RateLimiter } from '../transport/rate-limiter.ts';
import type { StdioListener } from '../transport/stdio-listener.ts';
import { listenStdio } from '../transport/stdio-listener.ts';
import type { ToolHost } from '../transport/tool-host.ts';
import { toolServerFactory } from '../transport/tool-server.ts';
import { tokensMatch } from './loopback-token.ts';
import { LOCAL_TOOLS } from './tools/registry.ts';

const INSTRUCTIONS =
  'Encrypts inputs and decrypts results on this machine, and keeps the secret keys. To classify a file with a remote model that must not see it, call fhe_classify_file: it does everything. Single steps: fhe_keygen, fhe_encrypt, fhe_decrypt. Paths are absolute and inside of the allowed folders.';
/** Paths and names; files never travel in messages. */
const MAX_MESSAGE_BYTES = 2 ** 20;
const SESSIONS = { all: 64, perCaller: 64, idleMs: 3_600_000 };
const ADMISSION = {
  ...{ connections: 256, connectionsPerOrigin: 256 },
  ...{ bodyBytes: 16 * MAX_MESSAGE_BYTES, bodyBytesPerCaller: 16 * MAX_MESSAGE_BYTES },
  bodyBytesOfStrangers: MAX_MESSAGE_BYTES,
};
/** Of those who do not have the token: they are told so, and no body of theirs is read. */
const STRANGER_REQUESTS_PER_SECOND = 100;

export interface CryptoServerOptions {
  readonly services: CryptoServices;
  readonly version: string;
  /** Hears of bugs and of refused calls; never of paths or values. */
  readonly onError: (event: string, code: string, detail: string | undefined) => void;
}

export class CryptoServer implements AsyncDisposable {
  readonly #options: CryptoServerOptions;
  readonly #listeners: (HttpListener | StdioListener)[] = [];

  constructor(options: CryptoServerOptions) {
    this.#options = options;
  }

  /**
   * @param token every request must carry it as a bearer token: other users of this machine reach loopback too
   * @throws ProtocolError LOOPBACK_ONLY or LISTEN_FAILED
   */
  async listenHttp(address: ListenAddress, token: string): Promise<HttpListener> {
    if (!isLoopback(address.host)) {
      throw new ProtocolError(
        'LOOPBACK_ONLY',
        `${address.host} is not a loopback address: this server holds secret keys and stays on this machine`,
        {
          hint: 'listen on 127.0.0.1, or use --stdio',
        },
      );
    }
    const listener = await listenHttp(toolServerFactory(this.#host('http')), {
      address,
      tls: null,
      sse: false,
      maxBodyBytes: MAX_MESSAGE_BYTES,
      allowedHosts: [],
      allowedOrigins: [],
      sessions: SESSIONS,
      admission: ADMISSION,
      rates: {
        requests: new RateLimiter(STRANGER_REQUESTS_PER_SECOND, 4 * STRANGER_REQUESTS_PER_SECOND),
        bytes: new RateLimiter(MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES),
        // Whoever has the token is the user of this machine.
        clientBytes: new RateLimiter(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
      },
      holderOf: async (given) => (tokensMatch(given, token) ? 'agent' : null),
      requireBearer: true,
      pages: {},
      onError: (error) => this.#options.onError('transport', 'TRANSPORT', error.message.slice(0, 300)),
    });
    this.#listeners.push(listener);
    return listener;
  }

  listenStdio(): StdioListener {
    const listener = listenStdio(toolServerFactory(this.#host('stdio')), MAX_MESSAGE_BYTES, (error) =>
      this.#options.onError('transport', 'TRANSPORT', error.message.slice(0, 300)),
    );
    this.#listeners.push(listener);
    return listener;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { tasks, clients } = this.#options.services;
    // Before what they work with: a task that is stopped goes on after the next start, one whose worker is gone has failed.
    await tasks[Symbol.asyncDispose]();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    await clients[Symbol.asyncDispose]();
  }

  #host(origin: string): ToolHost<CryptoServices> {
    const { services, version, onError } = this.#options;
    return {
      name: 'he-compile-crypto',
      title: 'he-compile local cryptographic server',
      version,
      instructions: INSTRUCTIONS,
      tools: LOCAL_TOOLS,
      documents: localPrompts(services),
      services,
      tasks: services.tasks,
      settings: { draft: DRAFT, role: 'local', schemes: ['CKKS'] },
      origin,
      onError: (tool, error) => onError(tool, error.code, stackOf(error)),
    };
  }
}

/** Only of bugs of ours. */
function stackOf({ code, cause }: ToolError): string | undefined {
  return code === 'ERROR_INTERNAL' && cause instanceof Error ? cause.stack : undefined;
}
