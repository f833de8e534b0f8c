/** A caller that is enrolled: enrols when it has to, adds name and token to every call, and renews a token that is refused. */
import { z } from 'zod';
import { ToolError } from '../protocol/error-codes.ts';
import type { CallOptions, JsonObject } from './connection.ts';
import { ConnectionFailure } from './connection.ts';
import type { CredentialStore, Enrolment } from './credentials.ts';
import type { RemoteCaller, RemoteSettings } from './remote-caller.ts';

const enrolmentAnswer = z.looseObject({
  ok: z.literal(true),
  auth_token: z.string().min(1).max(256),
  expires_at: z.iso.datetime(),
  server_key: z.string().max(256),
});

export interface Enrolling {
  readonly clientId: string;
  /** As `serverName` names it. */
  readonly server: string;
  readonly credentials: CredentialStore;
  /** One-time code from the operator, should it be needed. */
  readonly enrolmentCode?: string | undefined;
  /** Hears of every token that is in use from now on. */
  readonly onToken?: (token: string) => void;
}

/** Renewed so long before it expires, so that no upload is caught in the middle. */
const MARGIN_MS = 60_000;
const TOKEN_TROUBLE: readonly string[] = ['ERROR_UNAUTHORIZED', 'ERROR_TOKEN_EXPIRED'];

export class EnrolledCaller {
  readonly #caller: RemoteCaller;
  readonly #enrolling: Enrolling;
  #enrolment: Promise<Enrolment> | null = null;
  /** The last token that was refused. */
  #refused: string | null = null;

  constructor(caller: RemoteCaller, enrolling: Enrolling) {
    this.#caller = caller;
    this.#enrolling = enrolling;
  }

  get clientId(): string {
    return this.#enrolling.clientId;
  }

  settings(signal: AbortSignal | undefined): Promise<RemoteSettings> {
    return this.#caller.settings(signal);
  }

  /** Without a token: for what a server tells anyone. */
  ask<T>(tool: string, args: JsonObject, answer: z.ZodType<T>, options: CallOptions = {}): Promise<T> {
    return this.#caller.call(tool, args, answer, options);
  }

  /** @throws ToolError */
  async call<T>(
    tool: string,
    args: JsonObject | ((attempt: number) => JsonObject),
    answer: z.ZodType<T>,
    options: CallOptions = {},
  ): Promise<T> {
    const enrolment = await this.#enrolled(options.signal);
    try {
      return await this.#callAs(enrolment, tool, args, answer, options);
    } catch (error) {
      if (!(error instanceof ToolError) || !TOKEN_TROUBLE.includes(error.code)) throw error;
      return await this.#callAs(await this.#renew(enrolment, options.signal), tool, args, answer, options);
    }
  }

  #callAs<T>(
    { authToken }: Enrolment,
    tool: string,
    args: JsonObject | ((attempt: number) => JsonObject),
    answer: z.ZodType<T>,
    options: CallOptions,
  ): Promise<T> {
    const identified = (given: JsonObject): JsonObject => ({
      client_id: this.clientId,
      auth_token: authToken,
      ...given,
    });
    const all =
      typeof args === 'function' ? (attempt: number) => identified(args(attempt)) : identified(args);
    return this.#caller.call(tool, all, answer, options);
  }

  #enrolled(signal: AbortSignal | undefined): Promise<Enrolment> {
    this.#enrolment ??= this.#remember(this.#storedOrNew(signal));
    return this.#enrolment;
  }

  /** Several calls may find out at once that a token is no good; the first of them enrols for all. */
  #renew(refused: Enrolment, signal: AbortSignal | undefined): Promise<Enrolment> {
    if (this.#refused !== refused.authToken || this.#enrolment === null) {
      this.#refused = refused.authToken;
      this.#enrolment = this.#remember(this.#newerThan(refused, signal));
    }
    return this.#enrolment;
  }

  /** Another process of this user may have renewed it. */
  async #newerThan(refused: Enrolment, signal: AbortSignal | undefined): Promise<Enrolment> {
    const { credentials, clientId, server } = this.#enrolling;
    return credentials.exclusively(clientId, async () => {
      const stored = await credentials.enrolment(clientId, server);
      return stored !== null && stored.authToken !== refused.authToken ? stored : await this.#enrol(signal);
    });
  }

  #remember(pending: Promise<Enrolment>): Promise<Enrolment> {
    const remembered = pending.then(
      (enrolment) => {
        this.#enrolling.onToken?.(enrolment.authToken);
        return enrolment;
      },
      (error: unknown) => {
        if (this.#enrolment === remembered) this.#enrolment = null;
        throw error;
      },
    );
    return remembered;
  }

  async #storedOrNew(signal: AbortSignal | undefined): Promise<Enrolment> {
    const { credentials, clientId, server } = this.#enrolling;
    const usable = async (): Promise<Enrolment | null> => {
      const stored = await credentials.enrolment(clientId, server);
      return stored !== null && stored.expiresAt - MARGIN_MS > Date.now() ? stored : null;
    };
    return (
      (await usable()) ??
      (await credentials.exclusively(clientId, async () => (await usable()) ?? (await this.#enrol(signal))))
    );
  }

  async #enrol(signal: AbortSignal | undefined): Promise<Enrolment> {
    const { credentials, clientId, server, enrolmentCode } = this.#enrolling;
    const identity = await credentials.identity(clientId);
    const { serverKey } = await this.#caller.settings(signal);
    const answer = await this.#caller.call(
      'enrol_client',
      {
        client_id: clientId,
        public_key: identity.publicKey,
        ...(enrolmentCode === undefined ? {} : { enrolment_code: enrolmentCode }),
        ...(identity.certificateChain.length === 0 ? {} : { certificate_chain: identity.certificateChain }),
      },
      enrolmentAnswer,
      { signal },
    );
    if (answer.server_key !== serverKey)
      throw new ConnectionFailure('the server names two different keys as its own', true);
    const enrolment = { authToken: answer.auth_token, expiresAt: Date.parse(answer.expires_at), serverKey };
    await credentials.saveEnrolment(clientId, server, enrolment);
    return enrolment;
  }
}
