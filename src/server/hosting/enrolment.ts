/**
 * How a client becomes known: by a one-time code from the operator, by a certificate chain that ends in a pinned authority,
 * or, where the operator says so, by asking. Its Ed25519 key is pinned then, and the request proves that it has it.
 */
import { X509Certificate } from 'node:crypto';
import { ToolError } from '../protocol/error-codes.ts';
import { decodePublicKey, encodePublicKey } from '../protocol/signing.ts';
import type { CallContext } from '../protocol/tool.ts';
import type { MetadataStore } from '../storage/metadata-store.ts';
import type { ClientRecord } from '../storage/records.ts';
import { newToken, tokenHash } from './authentication.ts';
import type { Authentication } from './authentication.ts';
import type { EnrolmentPolicy, HostingLimits } from './limits.ts';

export interface EnrolmentRequest {
  readonly clientId: string;
  readonly code: string | undefined;
  readonly publicKey: string | undefined;
  readonly certificateChain: readonly string[] | undefined;
}

export interface Enrolment {
  readonly token: string;
  readonly client: ClientRecord;
}

const MAX_CHAIN = 8;
const CODE_NEEDED = 'an enrolment code is needed';
const CODE_REFUSED = 'the code is wrong, used, expired or meant for another name, or the name is taken';

export class EnrolmentOffice {
  readonly #store: MetadataStore;
  readonly #authentication: Authentication;
  readonly #policy: EnrolmentPolicy;
  readonly #limits: HostingLimits;
  readonly #authorities: readonly X509Certificate[];

  constructor(
    store: MetadataStore,
    authentication: Authentication,
    policy: EnrolmentPolicy,
    limits: HostingLimits,
  ) {
    this.#store = store;
    this.#authentication = authentication;
    this.#policy = policy;
    this.#limits = limits;
    this.#authorities = policy.authorities.map((pem) => new X509Certificate(pem));
  }

  /** @throws ToolError ERROR_ENROLMENT_REFUSED, ERROR_QUOTA_EXCEEDED, or of the signature */
  async enrol(request: EnrolmentRequest, call: CallContext, now: number = Date.now()): Promise<Enrolment> {
    const certificate = this.#checkChain(request, now);
    const publicKey = keyOf(request, certificate);
    if (publicKey === null && !this.#policy.unsigned) {
      throw new ToolError(
        'ERROR_ENROLMENT_REFUSED',
        'this server takes signed requests only: send a public_key',
      );
    }
    if (publicKey !== null) {
      await this.#authentication.requireSignature(call, decodePublicKey(publicKey), request.clientId, now);
    }
    const token = newToken();
    const client: ClientRecord = {
      clientId: request.clientId,
      tokenHash: tokenHash(token),
      tokenExpiresAt: now + this.#limits.tokenLifetimeMs,
      publicKey,
      certificateSubject: certificate?.subject ?? null,
      createdAt: now,
    };
    // One at a time, so that a name is taken once and bounds hold.
    await this.#store.exclusive('enrolment', async () => {
      await this.#requirePermission(request, call, publicKey, certificate, now);
      await this.#store.putClient(client);
    });
    return { token, client };
  }

  /**
   * A name that is taken is renewed by who holds its key, or, where it has none, its token, and by nobody else, whatever code or
   * certificate they have. A code is used up by who enrols with it, and not by an attempt.
   */
  async #requirePermission(
    request: EnrolmentRequest,
    { bearer }: CallContext,
    publicKey: string | null,
    certificate: X509Certificate | null,
    now: number,
  ): Promise<void> {
    const known = await this.#store.client(request.clientId);
    if (known !== null) {
      const owned =
        known.publicKey === null
          ? bearer !== null && tokenHash(bearer) === known.tokenHash
          : known.publicKey === publicKey;
      if (owned) return;
      // Who has neither key nor code does not learn which names there are, unless anyone may enrol.
      if (this.#policy.open || certificate !== null) {
        throw refused(
          known.publicKey === null ? 'the name is taken' : 'the name is enrolled with another key',
        );
      }
      throw refused(request.code === undefined ? CODE_NEEDED : CODE_REFUSED);
    }
    if ((await this.#store.clientCount()) >= this.#limits.clients) {
      throw new ToolError('ERROR_QUOTA_EXCEEDED', 'this server takes no more clients');
    }
    if (certificate !== null) return;
    const reserved = this.#policy.reserved?.includes(request.clientId) === true;
    if (request.code !== undefined) {
      if (await this.#store.takeInvitation(tokenHash(request.code), request.clientId, now, reserved)) return;
      throw refused(CODE_REFUSED);
    }
    if (!this.#policy.open || reserved) throw refused(CODE_NEEDED);
  }

  /** Leaf first. @throws ToolError ERROR_ENROLMENT_REFUSED */
  #checkChain({ certificateChain, clientId }: EnrolmentRequest, now: number): X509Certificate | null {
    if (certificateChain === undefined || certificateChain.length === 0) return null;
    if (this.#authorities.length === 0) throw refused('this server knows no certificate authority');
    if (certificateChain.length > MAX_CHAIN) throw refused('the certificate chain is too long');
    let chain: X509Certificate[];
    try {
      chain = certificateChain.map((pem) => new X509Certificate(pem));
    } catch {
      throw refused('a certificate cannot be read');
    }
    const leaf = chain[0]!;
    const authorities = this.#authorities.filter((authority) => isValidAt(authority, now));
    chain.forEach((certificate, i) => {
      if (!isValidAt(certificate, now)) throw refused('a certificate is not valid now');
      if (i > 0 && !certificate.ca) throw refused('a certificate in the chain may not issue others');
      const issuers = i + 1 < chain.length ? [chain[i + 1]!] : authorities;
      const issued = issuers.some(
        (issuer) => certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey),
      );
      if (!issued) throw refused('the certificate chain does not lead to an authority of this server');
    });
    if (!leaf.subject.split('\n').includes(`CN=${clientId}`)) {
      throw refused('the certificate is for another name than client_id');
    }
    return leaf;
  }
}

function isValidAt({ validFrom, validTo }: X509Certificate, now: number): boolean {
  return Date.parse(validFrom) <= now && now <= Date.parse(validTo);
}

function keyOf({ publicKey }: EnrolmentRequest, certificate: X509Certificate | null): string | null {
  if (certificate === null)
    return publicKey === undefined ? null : encodePublicKey(decodePublicKey(publicKey));
  if (certificate.publicKey.asymmetricKeyType !== 'ed25519')
    throw refused('the certificate has no Ed25519 key');
  const certified = encodePublicKey(certificate.publicKey);
  if (publicKey !== undefined && encodePublicKey(decodePublicKey(publicKey)) !== certified) {
    throw refused('public_key is not the key of the certificate');
  }
  return certified;
}

function refused(reason: string): ToolError {
  return new ToolError('ERROR_ENROLMENT_REFUSED', reason);
}
