/** Opens what a decryptor works with: its vault, its identity, its aggregator. */
import { RemoteFederation } from '../../client/remote-federation.ts';
import type { RetryPolicy } from '../../client/retry.ts';
import type { CertifiedKey } from '../../vault/credential-vault.ts';
import { CredentialVault } from '../../vault/credential-vault.ts';
import type { Unlocking } from '../../vault/master-key.ts';
import { Vault } from '../../vault/vault.ts';
import type { NamedServer } from '../configured-server.ts';
import { DecryptorVault } from './decryptor-vault.ts';
import type { DecryptorParts } from './federation-decryptor.ts';
import { FederationDecryptor } from './federation-decryptor.ts';
import { ParticipantVault } from './participant-vault.ts';

export interface DecryptorSettings extends Pick<DecryptorParts, 'name' | 'members' | 'folder' | 'note'> {
  readonly vaultFolder: string;
  readonly unlocking: Unlocking;
  readonly certified: CertifiedKey | null;
  readonly aggregator: NamedServer;
  readonly pauseMs?: number;
}

export interface OpenDecryptor extends AsyncDisposable {
  readonly decryptor: FederationDecryptor;
  readonly remote: RemoteFederation;
  readonly vault: DecryptorVault;
  /** Ed25519, SubjectPublicKeyInfo, Base64: what participants are told to know it by. */
  readonly publicKey: string;
}

const PAUSE_MS = 1000;
const RETRIES: RetryPolicy = { attempts: 8, firstDelayMs: 200, maxDelayMs: 15_000 };

/** @throws ToolError ERROR_KEYSTORE_LOCKED */
export async function openDecryptor(settings: DecryptorSettings): Promise<OpenDecryptor> {
  const { aggregator, name, members, folder, note } = settings;
  await using opened = new AsyncDisposableStack();
  const vault = opened.use(await Vault.open(settings.vaultFolder, settings.unlocking));
  const credentials = new CredentialVault(vault, settings.certified);
  const { privateKey, publicKey } = await credentials.identity(name);
  const remote = opened.use(
    await RemoteFederation.open({
      ...{ clientId: name, server: aggregator.address, credentials, retries: RETRIES },
      connect: (signal, bearers) => aggregator.connect(signal, bearers),
      ...(aggregator.enrolmentCode === undefined ? {} : { enrolmentCode: aggregator.enrolmentCode }),
      ...(aggregator.maxChunkBytes === undefined ? {} : { maxChunkBytes: aggregator.maxChunkBytes }),
    }),
  );
  // Nothing is spent here.
  const known = new ParticipantVault(vault, { epsilon: 0, delta: 0 });
  const kept = new DecryptorVault(vault);
  const pauseMs = settings.pauseMs ?? PAUSE_MS;
  const decryptor = new FederationDecryptor({
    ...{ vault: kept, known, remote, name, privateKey, members, folder, note, pauseMs },
  });
  const all = opened.move();
  return {
    ...{ decryptor, remote, publicKey, vault: kept },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
