/** Options and defaults that `crypto` and `infer` share: where keys are kept, how they are unlocked, which servers are known. */
import { X509Certificate } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { readBounded } from '../src/data/read-file.ts';
import { UsageError } from '../src/errors.ts';
import { connect } from '../src/server/client/connection.ts';
import { parseServerAddress, serverName } from '../src/server/client/server-address.ts';
import type { CryptoSettings } from '../src/server/crypto/open-services.ts';
import type { NamedServer } from '../src/server/crypto/configured-server.ts';
import { clientId } from '../src/server/protocol/identifiers.ts';
import type { CertifiedKey } from '../src/server/vault/credential-vault.ts';
import { naturalNumber } from './parse-options.ts';
import type { Unlocking } from '../src/server/vault/master-key.ts';

export interface LocalFlags {
  readonly clientId?: string;
  readonly store?: string;
  readonly keyFile?: string;
  readonly passphraseFile?: string;
  readonly identityKey?: string;
  readonly certificate?: string;
  readonly ca?: string;
  readonly maxKeyMb?: number;
  readonly maxStoredKeyMb?: number;
}

const PASSPHRASE_VARIABLE = 'HE_COMPILE_PASSPHRASE';
const MIB = 2 ** 20;
const MAX_SMALL_FILE = MIB;
/** Larger messages are slow on stdio, and some readers take no more than 10 MiB. */
const STDIO_CHUNK_BYTES = 4 * 2 ** 20;

export function addLocalOptions(command: Command): Command {
  return addVaultOptions(command)
    .option('--max-key-mb <N>', 'evaluation keys made for one model, in MiB (default: 2048)', naturalNumber)
    .option('--max-stored-key-mb <N>', 'keys kept for this client, in MiB (default: 16384)', naturalNumber);
}

/** Who this is, and where it keeps its secrets. */
export function addVaultOptions(command: Command): Command {
  return command
    .option('--client-id <NAME>', 'name of this client (default: one made up once)', checkedClientId)
    .option('--store <DIR>', 'key store (default: ~/.local/share/he-compile/vault)')
    .option(
      '--key-file <FILE>',
      'unlocks the key store; made if missing (default: ~/.config/he-compile/vault.key)',
    )
    .option('--passphrase-file <FILE>', `unlocks the key store instead; or set ${PASSPHRASE_VARIABLE}`)
    .option('--identity-key <FILE>', 'Ed25519 signing key of your own PKI, PEM (with --certificate)')
    .option('--certificate <FILE>', 'its X.509 chain, PEM, leaf first')
    .option('--ca <FILE>', 'certificate authority of servers, PEM, besides the usual ones');
}

/** @throws UsageError, ArtifactError for files that cannot be read */
export async function localSettings(
  flags: LocalFlags,
  roots: readonly string[],
  servers: readonly NamedServer[],
): Promise<CryptoSettings> {
  await trustAuthority(flags.ca);
  return {
    vaultFolder: flags.store ?? join(base('XDG_DATA_HOME', '.local', 'share'), 'he-compile', 'vault'),
    unlocking: await unlockingOf(flags),
    sessionsFolder: join(stateFolder(), 'sessions'),
    roots,
    servers,
    certified: await certifiedKey(flags),
    clientId: flags.clientId ?? null,
    keyBudget: {
      ...(flags.maxKeyMb === undefined ? {} : { keySetBytes: flags.maxKeyMb * MIB }),
      ...(flags.maxStoredKeyMb === undefined ? {} : { storedBytes: flags.maxStoredKeyMb * MIB }),
    },
  };
}

export function stateFolder(): string {
  return join(base('XDG_STATE_HOME', '.local', 'state'), 'he-compile', 'client');
}

/** @throws UsageError */
export function namedServer(
  name: string,
  url: string,
  enrolmentCode: string | undefined,
  version: string,
): NamedServer {
  const address = parseServerAddress(url);
  return {
    name,
    address: serverName(address),
    enrolmentCode,
    connect: (signal, bearers) => connect(address, { signal, version, bearers }),
    ...(address.kind === 'stdio' ? { maxChunkBytes: STDIO_CHUNK_BYTES } : {}),
  };
}

async function unlockingOf({ keyFile, passphraseFile }: LocalFlags): Promise<Unlocking> {
  const variable = environmentValue(PASSPHRASE_VARIABLE);
  if (keyFile !== undefined && passphraseFile !== undefined) {
    throw new UsageError('USAGE', '--key-file and --passphrase-file exclude each other');
  }
  if (passphraseFile !== undefined) {
    const text = await readText(passphraseFile, 'the passphrase');
    return { kind: 'passphrase', passphrase: text.replace(/\r?\n$/, '') };
  }
  if (keyFile === undefined && variable !== undefined) return { kind: 'passphrase', passphrase: variable };
  // Apart from the store: whoever copies one of the two has nothing.
  return {
    kind: 'key-file',
    path: keyFile ?? join(base('XDG_CONFIG_HOME', '.config'), 'he-compile', 'vault.key'),
  };
}

async function certifiedKey({ identityKey, certificate }: LocalFlags): Promise<CertifiedKey | null> {
  if (identityKey === undefined && certificate === undefined) return null;
  if (identityKey === undefined || certificate === undefined) {
    throw new UsageError('USAGE', '--identity-key and --certificate belong together');
  }
  return {
    privateKeyPem: await readText(identityKey, 'the signing key'),
    chainPem: await readText(certificate, 'the certificate'),
  };
}

async function trustAuthority(file: string | undefined): Promise<void> {
  if (file === undefined) return;
  const pem = await readText(file, 'the certificate authority');
  try {
    new X509Certificate(pem);
  } catch {
    throw new UsageError('USAGE', `${file} holds no certificate (PEM is expected)`);
  }
  // Node 22.19 and 24.5 brought it.
  if (typeof tls.setDefaultCACertificates !== 'function') {
    throw new UsageError('USAGE', 'this Node is too old for --ca', {
      hint: `set NODE_EXTRA_CA_CERTS=${file} instead`,
    });
  }
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), pem]);
}

async function readText(file: string, what: string): Promise<string> {
  return Buffer.from(await readBounded(file, MAX_SMALL_FILE, what)).toString('utf8');
}

function base(variable: string, ...fallback: string[]): string {
  return environmentValue(variable) ?? join(homedir(), ...fallback);
}

/** Undefined also if it is empty, or a placeholder of a host whose user left the field out. */
export function environmentValue(name: string): string | undefined {
  const value = process.env[name];
  return value === undefined || value === '' || value.startsWith('${') ? undefined : value;
}

function checkedClientId(text: string): string {
  if (clientId.safeParse(text).success) return text;
  throw new InvalidArgumentError('expected letters, digits, _ and -, at most 128');
}
