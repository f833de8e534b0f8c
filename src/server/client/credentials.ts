/** What a client proves itself with, and where it is kept. The secret key of the encryption is not among it. */
import type { KeyObject } from 'node:crypto';

export interface ClientIdentity {
  /** Ed25519; signs requests and key manifests. */
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo, Base64. */
  readonly publicKey: string;
  /** PEM, leaf first; empty without certificates. */
  readonly certificateChain: readonly string[];
}

/** What one server has agreed on with one client. */
export interface Enrolment {
  readonly authToken: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** The server's Ed25519 key, SubjectPublicKeyInfo, Base64: pinned, another one is refused. */
  readonly serverKey: string;
}

export interface CredentialStore {
  /** Makes one for a new client. */
  identity(clientId: string): Promise<ClientIdentity>;
  /** @param server as `serverName` names it */
  enrolment(clientId: string, server: string): Promise<Enrolment | null>;
  saveEnrolment(clientId: string, server: string, enrolment: Enrolment): Promise<void>;
  /** One at a time of each client: enrolling ends the tokens of before. */
  exclusively<T>(clientId: string, action: () => Promise<T>): Promise<T>;
  forgetEnrolment(clientId: string, server: string): Promise<void>;
}
