/** What the tools of the local server work with. */
import type { CredentialStore } from '../client/credentials.ts';
import type { AllowedPaths } from './allowed-paths.ts';
import type { CallTasks } from './call-tasks.ts';
import type { Classification } from './classified.ts';
import type { NamedServer } from './configured-server.ts';
import type { FederationParticipant } from './federation/federation-participant.ts';
import type { Jobs } from './jobs.ts';
import type { KeyStore } from './key-store.ts';
import type { SecretClients } from './secret-clients.ts';

export interface CryptoServices {
  readonly keys: KeyStore;
  readonly clients: SecretClients;
  readonly allowed: AllowedPaths;
  readonly credentials: CredentialStore;
  readonly servers: ReadonlyMap<string, NamedServer>;
  readonly jobs: Jobs<Classification>;
  readonly tasks: CallTasks;
  readonly federation: FederationParticipant;
  /** Folder of sessions of the one-call tool. */
  readonly sessionsFolder: string;
  /** The name that the one-call tool uses where none is given. */
  readonly defaultClientId: string;
}
