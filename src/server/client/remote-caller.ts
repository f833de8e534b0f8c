/**
 * Calls tools of a remote server as one client: connects when needed and again when the connection breaks, signs every
 * request anew, checks the signature of every answer, and tries again where that can help.
 */
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { ERROR_TABLE, isErrorCode, ToolError } from '../protocol/error-codes.ts';
import { SIGNATURE_META } from '../protocol/extension.ts';
import {
  decodePublicKey,
  keyId,
  requestDigest,
  resultSignature,
  signRequest,
  verifyResult,
} from '../protocol/signing.ts';
import { MAX_MESSAGE, oneLine } from '../protocol/untrusted-text.ts';
import type { CallOptions, Connection, JsonObject } from './connection.ts';
import { ConnectionFailure } from './connection.ts';
import type { RetryPolicy } from './retry.ts';
import { DEFAULT_RETRIES, withRetries } from './retry.ts';

/** What the client relies on of the settings that the server declares. */
const settings = z.looseObject({
  maxChunkBytes: z.int().min(1),
  serverKey: z.string().max(256),
});
export type RemoteSettings = z.infer<typeof settings>;

const failed = z.looseObject({
  ok: z.literal(false),
  error_code: z.string(),
  message: z.string(),
  retry_after_ms: z.number().optional(),
});

/** To reach a server for the first time. */
const FIRST_ATTEMPTS = 3;

export interface CallerOptions {
  /** Makes a new connection. */
  connect(signal: AbortSignal | undefined): Promise<Connection>;
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo, Base64, of an earlier enrolment: any other key is refused. */
  readonly pinnedServerKey: string | null;
  readonly retries?: RetryPolicy;
}

export class RemoteCaller implements AsyncDisposable {
  readonly #options: CallerOptions;
  readonly #retries: RetryPolicy;
  #pinned: string | null;
  #line: Line | null = null;
  /** Attempts in vain to reach a server that was never reached; null once it was. */
  #unreached: number | null = 0;

  constructor(options: CallerOptions) {
    this.#options = options;
    this.#retries = options.retries ?? DEFAULT_RETRIES;
    this.#pinned = options.pinnedServerKey;
  }

  /** Declared by the server; its key is pinned from the first time on. @throws ToolError ERROR_REMOTE */
  settings(signal: AbortSignal | undefined): Promise<RemoteSettings> {
    return withRetries(
      () => this.#using(signal, async (connection) => this.#settingsOf(connection)),
      this.#retries,
      signal,
    );
  }

  /**
   * Calls a tool and returns what `answer` reads from its structured content.
   * @param args of each attempt, or of all
   * @throws ToolError with the code of the server, or ERROR_REMOTE
   */
  call<T>(
    tool: string,
    args: JsonObject | ((attempt: number) => JsonObject),
    answer: z.ZodType<T>,
    options: CallOptions = {},
  ): Promise<T> {
    return withRetries(
      (attempt) => {
        const given = typeof args === 'function' ? args(attempt) : args;
        return this.#using(options.signal, (connection) =>
          this.#callOn(connection, tool, given, answer, options),
        );
      },
      this.#retries,
      options.signal,
    );
  }

  async #callOn<T>(
    connection: Connection,
    tool: string,
    args: JsonObject,
    answer: z.ZodType<T>,
    options: CallOptions,
  ): Promise<T> {
    const serverKey = decodePublicKey(this.#settingsOf(connection).serverKey);
    const call = { tool, arguments: args };
    const signed = signRequest(call, this.#options.privateKey, keyId(serverKey));
    const result = await connection.call(tool, args, { [SIGNATURE_META]: signed }, options);
    const { structured, meta } = result;
    if (result.isError && meta[SIGNATURE_META] === undefined) throwIfRateLimited(structured);
    requireSignature(structured, meta, requestDigest(call, signed.nonce), serverKey);
    if (result.isError) throw failureOf(structured);
    const parsed = answer.safeParse(structured);
    if (parsed.success) return parsed.data;
    throw new ConnectionFailure(`the answer to ${tool} is not what the protocol says`, true, parsed.error);
  }

  #settingsOf(connection: Connection): RemoteSettings {
    const parsed = settings.safeParse(connection.settings);
    if (!parsed.success) throw new ConnectionFailure('the server does not offer ciphertext inference', true);
    const { serverKey } = parsed.data;
    if (this.#pinned !== null && this.#pinned !== serverKey) {
      throw new ConnectionFailure(
        'the server has another key than the one that was pinned: it may be another server. If its operator confirms the new key, run `he-compile infer --forget-server` once',
        true,
      );
    }
    this.#pinned = serverKey;
    return parsed.data;
  }

  /** A connection that fails serves no further calls; it is closed when those that are under way have ended. */
  async #using<T>(signal: AbortSignal | undefined, work: (connection: Connection) => Promise<T>): Promise<T> {
    this.#line ??= { connection: this.#connect(signal), users: 0 };
    const line = this.#line;
    line.users++;
    try {
      return await work(await line.connection);
    } catch (error) {
      // What was not even connected is given up too, whatever the reason.
      const connected = await line.connection.then(
        () => true,
        () => false,
      );
      if (this.#line === line && (!connected || error instanceof ConnectionFailure)) this.#line = null;
      throw error;
    } finally {
      line.users--;
      if (this.#line !== line && line.users === 0) await hangUp(line);
    }
  }

  async #connect(signal: AbortSignal | undefined): Promise<Connection> {
    try {
      const connection = await this.#options.connect(signal);
      this.#unreached = null;
      return connection;
    } catch (error) {
      // A server that breaks off comes back; one that was never there is more likely a wrong address.
      if (this.#unreached === null || !(error instanceof ConnectionFailure)) throw error;
      this.#unreached++;
      throw this.#unreached < FIRST_ATTEMPTS
        ? error
        : new ConnectionFailure(error.message, true, error.cause);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const line = this.#line;
    this.#line = null;
    if (line !== null) await hangUp(line);
  }
}

/** A connection, or one that is being made, and how many calls are under way on it. */
interface Line {
  readonly connection: Promise<Connection>;
  users: number;
}

async function hangUp({ connection }: Line): Promise<void> {
  await (await connection.catch(() => null))?.[Symbol.asyncDispose]();
}

/** Nobody between the server and us can change an answer, or give one to another question. */
function requireSignature(structured: unknown, meta: JsonObject, digest: string, serverKey: KeyObject): void {
  const parsed = resultSignature.safeParse(meta[SIGNATURE_META]);
  if (!parsed.success) throw new ConnectionFailure('the answer is not signed', true);
  const genuine =
    parsed.data.key_id === keyId(serverKey) &&
    parsed.data.request_digest === digest &&
    verifyResult(structured, parsed.data, serverKey);
  if (!genuine)
    throw new ConnectionFailure('the signature of the answer is wrong: it was changed on its way', true);
}

/** The one answer that servers do not sign, since it is to cost them nothing: whoever forges it can make us wait, as by giving no answer. */
function throwIfRateLimited(structured: unknown): void {
  const parsed = failed.safeParse(structured);
  if (!parsed.success || parsed.data.error_code !== 'ERROR_RATE_LIMITED') return;
  throw failureOf(structured);
}

function failureOf(structured: unknown): ToolError {
  const parsed = failed.safeParse(structured);
  if (!parsed.success || !isErrorCode(parsed.data.error_code)) {
    return new ConnectionFailure('the server failed in a way that the protocol does not know', true);
  }
  const { error_code: code, message, retry_after_ms: retryAfterMs } = parsed.data;
  return new ToolError(code, `the server refuses: ${ERROR_TABLE[code].meaning}`, {
    remoteMessage: oneLine(message, MAX_MESSAGE),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
