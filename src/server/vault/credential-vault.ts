/** Signing keys and tokens of the clients on this machine, sealed like everything in the vault. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  X509Certificate,
} from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../../errors.ts';
import type { ClientIdentity, CredentialStore, Enrolment } from '../client/credentials.ts';
import { encodePublicKey } from '../protocol/signing.ts';
import { SharedLock } from './shared-lock.ts';
import { privateFolder } from './private-files.ts';
import type { Vault } from './vault.ts';

const storedIdentity = z.strictObject({
  version: z.literal(1),
  private_key: z.string().max(1024),
});
const storedEnrolment = z.strictObject({
  version: z.literal(1),
  auth_token: z.string().max(256),
  expires_at: z.number(),
  server_key: z.string().max(256),
});

/** A signing key and the certificates that vouch for it, from the user's own PKI. */
export interface CertifiedKey {
  readonly privateKeyPem: string;
  /** One or more certificates, leaf first. */
  readonly chainPem: string;
}

export class CredentialVault implements CredentialStore {
  readonly #vault: Vault;
  readonly #certified: ClientIdentity | null;
  readonly #lock: SharedLock;

  /**
   * @param certified used for every client instead of keys made here
   * @throws UsageError if it is no Ed25519 key, or not that of the certificate
   */
  constructor(vault: Vault, certified: CertifiedKey | null = null) {
    this.#lock = new SharedLock(join(vault.folder, 'locks'));
    this.#vault = vault;
    this.#certified = certified === null ? null : readCertified(certified);
  }

  async identity(clientId: string): Promise<ClientIdentity> {
    if (this.#certified !== null) return this.#certified;
    const path = await this.#path('identities', clientId, 'identity');
    const purpose = `identity/${clientId}`;
    const read = async (): Promise<ClientIdentity | null> => {
      const stored = await this.#vault.read(path, purpose);
      if (stored === null) return null;
      const { private_key: key } = storedIdentity.parse(JSON.parse(stored.toString('utf8')));
      return identityOf(createPrivateKey(key), []);
    };
    const known = await read();
    if (known !== null) return known;
    const { privateKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    // Whoever comes second, here or in another process, takes what the first has made: a client has one identity.
    const won = await this.#vault.create(path, purpose, json({ version: 1, private_key: pem }));
    return (won ? null : await read()) ?? identityOf(privateKey, []);
  }

  async enrolment(clientId: string, server: string): Promise<Enrolment | null> {
    const stored = await this.#vault.read(
      await this.#enrolmentPath(clientId, server),
      enrolmentPurpose(clientId, server),
    );
    if (stored === null) return null;
    const parsed = storedEnrolment.parse(JSON.parse(stored.toString('utf8')));
    return { authToken: parsed.auth_token, expiresAt: parsed.expires_at, serverKey: parsed.server_key };
  }

  async saveEnrolment(clientId: string, server: string, enrolment: Enrolment): Promise<void> {
    const document: z.infer<typeof storedEnrolment> = {
      version: 1,
      auth_token: enrolment.authToken,
      expires_at: enrolment.expiresAt,
      server_key: enrolment.serverKey,
    };
    const path = await this.#enrolmentPath(clientId, server);
    await this.#vault.write(path, enrolmentPurpose(clientId, server), json(document));
  }

  exclusively<T>(clientId: string, action: () => Promise<T>): Promise<T> {
    return this.#lock.run(`enrolments-${clientId}`, action);
  }

  async forgetEnrolment(clientId: string, server: string): Promise<void> {
    await this.#vault.remove(await this.#enrolmentPath(clientId, server));
  }

  #enrolmentPath(clientId: string, server: string): Promise<string> {
    return this.#path('enrolments', clientId, createHash('sha256').update(server).digest('hex').slice(0, 32));
  }

  async #path(kind: string, clientId: string, name: string): Promise<string> {
    const folder = join(this.#vault.folder, kind, clientId);
    await privateFolder(folder);
    return join(folder, `${name}.sealed`);
  }
}

function enrolmentPurpose(clientId: string, server: string): string {
  return `enrolment/${clientId}/${server}`;
}

function identityOf(privateKey: ClientIdentity['privateKey'], chain: readonly string[]): ClientIdentity {
  return { privateKey, publicKey: encodePublicKey(createPublicKey(privateKey)), certificateChain: chain };
}

function readCertified({ privateKeyPem, chainPem }: CertifiedKey): ClientIdentity {
  const invalid = (reason: string): UsageError =>
    new UsageError('USAGE', `the certified key is refused: ${reason}`);
  const chain = chainPem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  let identity: ClientIdentity;
  let leaf: X509Certificate;
  try {
    identity = identityOf(createPrivateKey(privateKeyPem), chain);
    leaf = new X509Certificate(chain[0] ?? '');
  } catch {
    throw invalid('the key or its certificate cannot be read (PEM is expected)');
  }
  if (identity.privateKey.asymmetricKeyType !== 'ed25519') throw invalid('it is not an Ed25519 key');
  if (!leaf.checkPrivateKey(identity.privateKey)) throw invalid('the first certificate is for another key');
  return identity;
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
