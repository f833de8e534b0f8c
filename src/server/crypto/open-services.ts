/** Opens what the local side works with: vault, key store, allowed paths, configured servers. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DEFAULT_FLOOR } from '../../federation/policy/floor.ts';
import type { Protection } from '../../federation/policy/protection.ts';
import { clientId as clientIdSchema } from '../protocol/identifiers.ts';
import { SessionFolder } from '../client/session-folder.ts';
import { ToolError } from '../protocol/error-codes.ts';
import type { CertifiedKey } from '../vault/credential-vault.ts';
import { CredentialVault } from '../vault/credential-vault.ts';
import type { Unlocking } from '../vault/master-key.ts';
import { privateFolder } from '../vault/private-files.ts';
import { Vault } from '../vault/vault.ts';
import { AllowedPaths } from './allowed-paths.ts';
import type { KeyBudget } from './key-budget.ts';
import { DEFAULT_KEY_BUDGET } from './key-budget.ts';
import { CallTasks } from './call-tasks.ts';
import type { Classification } from './classified.ts';
import type { KnownDecryptor } from './federation/contribution.ts';
import { FederationParticipant } from './federation/federation-participant.ts';
import { ParticipantVault } from './federation/participant-vault.ts';
import { Jobs } from './jobs.ts';
import { KeyStore } from './key-store.ts';
import { SecretClients } from './secret-clients.ts';
import type { NamedServer } from './configured-server.ts';
import type { CryptoServices } from './services.ts';
import { runTool } from './tools/registry.ts';

/** Sessions that broke off can be resumed this long. */
const FORGOTTEN_MS = 7 * 24 * 3_600_000;

export interface CryptoSettings {
  readonly vaultFolder: string;
  readonly unlocking: Unlocking;
  readonly sessionsFolder: string;
  /** Folders whose files the tools may read and write. */
  readonly roots: readonly string[];
  readonly servers: readonly NamedServer[];
  readonly certified: CertifiedKey | null;
  /** Null: a name made up once, which says nothing about machine or user. */
  readonly clientId: string | null;
  /** Where it differs from the defaults. */
  readonly keyBudget?: Partial<KeyBudget>;
  /** What federations must at least protect; ε and δ are the budget of all of them together. */
  readonly floor?: Protection;
  /** Public keys of other participants, by name, where they are known from elsewhere. */
  readonly members?: ReadonlyMap<string, string>;
  /** Who opens encrypted sums, where it is known from elsewhere. */
  readonly decryptor?: KnownDecryptor;
  /** Hears of what is damaged and left out; never of paths or values. */
  readonly onError?: (event: string, code: string) => void;
}

export type OpenCryptoServices = CryptoServices & AsyncDisposable;

/** @throws ToolError ERROR_KEYSTORE_LOCKED, UsageError */
export async function openCryptoServices(settings: CryptoSettings): Promise<OpenCryptoServices> {
  const { vaultFolder, unlocking, sessionsFolder } = settings;
  const vault = await Vault.open(vaultFolder, unlocking);
  const keys = await KeyStore.open(vault, { ...DEFAULT_KEY_BUDGET, ...settings.keyBudget });
  const clients = new SecretClients(keys);
  const jobs = new Jobs<Classification>();
  await privateFolder(sessionsFolder);
  const clientId = settings.clientId ?? (await storedClientId(vault));
  await new SessionFolder(join(sessionsFolder, clientId)).sweep(FORGOTTEN_MS);
  const secrets = [vaultFolder, ...(unlocking.kind === 'key-file' ? [unlocking.path] : [])];
  const allowed = await AllowedPaths.create(settings.roots, [...secrets, sessionsFolder]);
  const credentials = new CredentialVault(vault, settings.certified);
  const servers = new Map(settings.servers.map((server) => [server.name, server]));
  const floor = settings.floor ?? DEFAULT_FLOOR;
  const federation = new FederationParticipant({
    ...{ floor, servers, credentials, allowed },
    vault: new ParticipantVault(vault, { epsilon: floor.epsilon, delta: floor.delta }),
    members: settings.members ?? null,
    decryptor: settings.decryptor ?? null,
    folder: sessionsFolder,
    defaultClientId: clientId,
  });
  const services: OpenCryptoServices = {
    ...{ keys, clients, allowed, credentials, servers, federation },
    jobs,
    tasks: new CallTasks(
      vault,
      (...call) => runTool(services, ...call),
      ({ code }) => settings.onError?.('task unreadable', code),
    ),
    sessionsFolder,
    defaultClientId: clientId,
    async [Symbol.asyncDispose]() {
      await services.tasks[Symbol.asyncDispose]();
      await jobs[Symbol.asyncDispose]();
      await federation[Symbol.asyncDispose]();
      await clients[Symbol.asyncDispose]();
      vault[Symbol.dispose]();
    },
  };
  return services;
}

async function storedClientId(vault: Vault): Promise<string> {
  const path = join(vault.folder, 'client-id.sealed');
  const purpose = 'client-id';
  const stored = await vault.read(path, purpose);
  if (stored === null) {
    // Should another process have been first, its name is the one that counts.
    await vault.create(path, purpose, Buffer.from(`agent_${randomBytes(6).toString('hex')}`));
    return storedClientId(vault);
  }
  const parsed = clientIdSchema.safeParse(stored.toString('utf8'));
  if (parsed.success) return parsed.data;
  throw new ToolError('ERROR_KEYSTORE_LOCKED', 'the client’s name in the key store is damaged');
}
