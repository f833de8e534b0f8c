/** What the tools of the local server work with. */
import type { BearerSource } from '../client/bearer-fetch.ts';
import type { Connection } from '../client/connection.ts';
import type { CredentialStore } from '../client/credentials.ts';
import type { AllowedPaths } from './allowed-paths.ts';
import type { CallTasks } from './call-tasks.ts';
import type { Classification } from './classified.ts';
import type { Jobs } from './jobs.ts';
import type { KeyStore } from './key-store.ts';
import type { SecretClients } from './secret-clients.ts';

/** A remote server that the user has named; agents know it by its name only. */
export interface NamedServer {
  readonly name: string;
  /** As `serverName` names it. */
  readonly address: string;
  readonly enrolmentCode?: string | undefined;
  connect(signal: AbortSignal | undefined, bearers?: BearerSource): Promise<Connection>;
  /** Chunks are no larger, where the transport wants it. */
  readonly maxChunkBytes?: number | undefined;
}

export interface CryptoServices {
  readonly keys: KeyStore;
  readonly clients: SecretClients;
  readonly allowed: AllowedPaths;
  readonly credentials: CredentialStore;
  readonly servers: ReadonlyMap<string, NamedServer>;
  readonly jobs: Jobs<Classification>;
  readonly tasks: CallTasks;
  /** Folder of sessions of the one-call tool. */
  readonly sessionsFolder: string;
  /** The name that the one-call tool uses where none is given. */
  readonly defaultClientId: string;
}
