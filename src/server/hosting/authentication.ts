/** Who calls: bearer token, signature, nonce and clock, and the rate of one client. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ToolError } from '../protocol/error-codes.ts';
import { SIGNATURE_META } from '../protocol/extension.ts';
import type { RequestSignature } from '../protocol/signing.ts';
import { decodePublicKey, requestSignature, verifyRequest } from '../protocol/signing.ts';
import type { CallContext } from '../protocol/tool.ts';
import type { MetadataStore } from '../storage/metadata-store.ts';
import type { ClientRecord } from '../storage/records.ts';
import type { RequestRates } from './request-rates.ts';

export interface Credentials {
  readonly client_id: string;
  readonly auth_token?: string | undefined;
}

export interface AuthenticationSettings {
  readonly clockSkewMs: number;
  /** Clients without a key may call unsigned. */
  readonly unsigned: boolean;
  /** Names this server in signed requests. */
  readonly serverKeyId: string;
}

/** As the schema of tokens has it. */
const MAX_TOKEN_LENGTH = 256;

/** 256 random bits: nothing to guess, so a plain hash is enough to store. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

export function tokenHash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

export class Authentication {
  readonly #store: MetadataStore;
  readonly #rates: RequestRates;
  readonly #settings: AuthenticationSettings;
  /** Stands in for unknown clients, so that they take as long as wrong tokens. */
  readonly #nobody = tokenHash(newToken());

  constructor(store: MetadataStore, rates: RequestRates, settings: AuthenticationSettings) {
    this.#store = store;
    this.#rates = rates;
    this.#settings = settings;
  }

  /**
   * Every call counts once, before anything else is done for it: against the client whose token it has, or against where it comes from.
   * @throws ToolError ERROR_RATE_LIMITED
   */
  async admit(call: CallContext): Promise<void> {
    const client = await this.#clientOf(call);
    if (client === null) return this.#rates.take(`origin ${call.origin}`);
    call.vouch(client.clientId);
    await this.#rates.take(`client ${client.clientId}`);
  }

  /** @throws ToolError ERROR_UNAUTHORIZED, ERROR_TOKEN_EXPIRED, ERROR_SIGNATURE_…, ERROR_CLOCK_SKEW or ERROR_REPLAYED */
  async authenticate(
    credentials: Credentials,
    call: CallContext,
    now: number = Date.now(),
  ): Promise<ClientRecord> {
    const client = await this.#requireToken(credentials, call);
    if (client.tokenExpiresAt <= now) throw new ToolError('ERROR_TOKEN_EXPIRED', 'the token has expired');
    return this.#requireProof(client, call, now);
  }

  /**
   * Who asks for something whose name nobody can guess, and so need not show a token where the transport carries none; one that is shown
   * must be this client's, and a client that has a key signs.
   * @throws ToolError ERROR_UNAUTHORIZED, ERROR_TOKEN_EXPIRED, ERROR_SIGNATURE_…, ERROR_CLOCK_SKEW or ERROR_REPLAYED
   */
  async authenticateHolder(
    clientId: string,
    call: CallContext,
    now: number = Date.now(),
  ): Promise<ClientRecord> {
    if (call.bearer !== null) return this.authenticate({ client_id: clientId }, call, now);
    const client = await this.#store.client(clientId);
    if (client === null) throw new ToolError('ERROR_UNAUTHORIZED', 'unknown client');
    if (client.tokenExpiresAt <= now) throw new ToolError('ERROR_TOKEN_EXPIRED', 'the token has expired');
    return this.#requireProof(client, call, now);
  }

  /** By the Authorization header alone. @throws ToolError as `authenticate` does */
  async authenticateBearer(call: CallContext): Promise<ClientRecord> {
    const holder = call.bearer === null ? null : await this.#store.clientByToken(tokenHash(call.bearer));
    return this.authenticate({ client_id: holder?.clientId ?? '' }, call);
  }

  /**
   * What a transport asks of an Authorization header before anything else: a token, or an unused enrolment code. Names whom its
   * requests count against; null: nobody.
   */
  async holderOf(token: string, now: number = Date.now()): Promise<string | null> {
    const hash = tokenHash(token);
    // The tools refuse a token that has expired, but its owner must get as far as renewing it.
    const client = await this.#store.clientByToken(hash);
    if (client !== null) return client.clientId;
    return (await this.#store.hasInvitation(hash, now)) ? `invited ${hash}` : null;
  }

  /** @throws ToolError ERROR_SIGNATURE_…, ERROR_CLOCK_SKEW or ERROR_REPLAYED */
  async requireSignature(
    call: CallContext,
    publicKey: KeyObject,
    clientId: string,
    now: number = Date.now(),
  ): Promise<void> {
    const signed = signatureOf(call);
    if (signed === null) throw new ToolError('ERROR_SIGNATURE_REQUIRED', 'the request is not signed');
    const { clockSkewMs, serverKeyId } = this.#settings;
    if (signed.audience !== serverKeyId) {
      throw new ToolError('ERROR_SIGNATURE_INVALID', 'the request was signed for another server');
    }
    if (Math.abs(signed.timestamp - now) > clockSkewMs) {
      throw new ToolError(
        'ERROR_CLOCK_SKEW',
        `the timestamp is more than ${clockSkewMs / 1000} s from this server's clock`,
      );
    }
    if (!verifyRequest(call.received, signed, publicKey)) {
      throw new ToolError('ERROR_SIGNATURE_INVALID', 'the signature does not fit the request');
    }
    // Only of requests that are genuine, or anyone could use up nonces; kept as long as the timestamp would be accepted.
    if (!(await this.#store.addNonce(clientId, signed.nonce, signed.timestamp + 2 * clockSkewMs))) {
      throw new ToolError('ERROR_REPLAYED', 'this request has been seen before');
    }
  }

  async #requireProof(client: ClientRecord, call: CallContext, now: number): Promise<ClientRecord> {
    if (client.publicKey !== null) {
      await this.requireSignature(call, decodePublicKey(client.publicKey), client.clientId, now);
    } else if (!this.#settings.unsigned) {
      throw new ToolError('ERROR_SIGNATURE_REQUIRED', 'this server takes signed requests only');
    }
    return client;
  }

  /** By the token alone: whether it goes with the name that is given is seen later. */
  async #clientOf({ bearer, received }: CallContext): Promise<ClientRecord | null> {
    const given = received.arguments;
    const token =
      typeof given === 'object' && given !== null && 'auth_token' in given ? given.auth_token : bearer;
    if (typeof token !== 'string' || token.length > MAX_TOKEN_LENGTH) return null;
    return this.#store.clientByToken(tokenHash(token));
  }

  async #requireToken(
    { client_id, auth_token }: Credentials,
    { bearer }: CallContext,
  ): Promise<ClientRecord> {
    const token = auth_token ?? bearer;
    const client = await this.#store.client(client_id);
    const expected = Buffer.from(client?.tokenHash ?? this.#nobody, 'hex');
    const matches = timingSafeEqual(Buffer.from(tokenHash(token ?? ''), 'hex'), expected);
    const agree = auth_token === undefined || bearer === null || tokenHash(auth_token) === tokenHash(bearer);
    // One answer for all: it must not tell which clients there are.
    if (client === null || !matches || !agree) {
      throw new ToolError('ERROR_UNAUTHORIZED', 'unknown client_id, or not its auth_token');
    }
    return client;
  }
}

/** @throws ToolError ERROR_SIGNATURE_INVALID if there is one, but malformed */
export function signatureOf({ meta }: Pick<CallContext, 'meta'>): RequestSignature | null {
  const field = meta[SIGNATURE_META];
  if (field === undefined) return null;
  const parsed = requestSignature.safeParse(field);
  if (!parsed.success) throw new ToolError('ERROR_SIGNATURE_INVALID', 'the signature is malformed');
  return parsed.data;
}
