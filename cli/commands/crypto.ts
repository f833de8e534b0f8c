/** `he-compile crypto`: the local cryptographic MCP server, on stdio or on loopback. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../../src/errors.ts';
import { CryptoServer } from '../../src/server/crypto/crypto-server.ts';
import { newLoopbackToken } from '../../src/server/crypto/loopback-token.ts';
import { openCryptoServices } from '../../src/server/crypto/open-services.ts';
import type { NamedServer } from '../../src/server/crypto/configured-server.ts';
import { isLoopback, parseListenAddress } from '../../src/server/transport/listen-address.ts';
import { privateFolder, readPrivate, writePrivate } from '../../src/server/vault/private-files.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import { knownDecryptor, readFloor, readMembers } from '../federation-floor.ts';
import type { LocalFlags } from '../local-side.ts';
import { addLocalOptions, environmentValue, localSettings, namedServer, stateFolder } from '../local-side.ts';
import { assignment, collect, firstAssignment } from '../parse-options.ts';
import { packageVersion } from '../versions.ts';

interface CryptoFlags extends LocalFlags {
  readonly http?: string;
  readonly stdio?: boolean;
  readonly root?: readonly string[];
  readonly server?: readonly (readonly [string, string])[];
  readonly enrolmentCode?: readonly (readonly [string, string])[];
  readonly privacyFloor?: string;
  readonly members?: string;
  readonly decryptor?: readonly [string, string];
}

const MAX_TOKEN_BYTES = 256;
/** For hosts that keep secrets in the environment: the code for servers without one of their own. */
const CODE_VARIABLE = 'HE_COMPILE_ENROLMENT_CODE';

export function define(command: Command, run: Runner): void {
  addLocalOptions(command)
    .option('--stdio', 'messages on stdin and stdout (the default)')
    .option('--http <HOST:PORT>', 'Streamable HTTP at /mcp instead, on loopback only, with a bearer token')
    .option('--root <DIR...>', 'folders whose files may be used (default: the current one)', collect(String))
    .option(
      '--server <NAME=URL>',
      'remote server that agents may use by this name; repeatable',
      collect(firstAssignment),
    )
    .option(
      '--enrolment-code <NAME=CODE>',
      `one-time code of the operator of that server; repeatable; or set ${CODE_VARIABLE}`,
      collect(assignment),
    )
    .option(
      '--privacy-floor <FILE>',
      'what federations must at least protect, and the budget of ε, JSON: see docs/federation.md',
    )
    .option('--members <FILE>', 'public keys of other participants by name, JSON (default: as first seen)')
    .option(
      '--decryptor <NAME=KEY>',
      'who opens encrypted sums, and by which key it is known (default: as in --members, or as first seen)',
      firstAssignment,
    )
    .action((flags: CryptoFlags) => run((context) => crypto(flags, context)));
}

async function crypto(flags: CryptoFlags, context: CommandContext): Promise<Outcome> {
  if (flags.http !== undefined && flags.stdio === true)
    throw new UsageError('USAGE', '--http and --stdio exclude each other');
  const version = await packageVersion();
  const servers = serversOf(flags, version);
  const address = flags.http === undefined ? null : parseListenAddress(flags.http);
  if (address !== null && !isLoopback(address.host)) {
    throw new UsageError(
      'LOOPBACK_ONLY',
      `${address.host} is not a loopback address: this server holds secret keys and stays on this machine`,
      {
        hint: 'use --http 127.0.0.1:PORT, or --stdio',
      },
    );
  }
  const onError = (event: string, code: string, detail?: string): void =>
    context.note(JSON.stringify({ event, code, ...(detail === undefined ? {} : { detail }) }));
  const settings = await localSettings(flags, rootsOf(flags), servers);
  await using services = await openCryptoServices({
    ...{ ...settings, onError },
    ...(flags.privacyFloor === undefined ? {} : { floor: await readFloor(flags.privacyFloor) }),
    ...(flags.members === undefined ? {} : { members: await readMembers(flags.members) }),
    ...(flags.decryptor === undefined ? {} : { decryptor: knownDecryptor(flags.decryptor) }),
  });
  await using server = new CryptoServer({ services, version, onError });
  // Rounds of federations wait for nobody.
  await services.federation.resumeAll();
  if (address === null) {
    const { closed } = server.listenStdio();
    await Promise.race([closed, aborted(context.signal)]);
    return { document: { stopped: true }, text: '' };
  }
  const { token, path } = await loopbackToken();
  const { url } = await server.listenHttp(address, token);
  context.note(`listening on ${url}; the bearer token is in ${path}`);
  await aborted(context.signal);
  return { document: { url, stopped: true }, text: 'stopped' };
}

function rootsOf({ root }: CryptoFlags): readonly string[] {
  if (root !== undefined) return root.map((folder) => resolve(folder));
  const current = process.cwd();
  // Hosts start servers anywhere; a home folder holds more than pictures.
  if (current === homedir() || resolve(current, '..') === current) {
    throw new UsageError('USAGE', 'no folder is allowed yet', {
      hint: 'name the folders with the files to use, with --root',
    });
  }
  return [current];
}

/** @throws UsageError */
function serversOf({ server = [], enrolmentCode = [] }: CryptoFlags, version: string): NamedServer[] {
  const codes = new Map(enrolmentCode);
  const fallback = environmentValue(CODE_VARIABLE);
  const servers = server.map(([name, url]) => namedServer(name, url, codes.get(name) ?? fallback, version));
  const unknown = [...codes.keys()].find((name) => !servers.some((known) => known.name === name));
  if (unknown !== undefined)
    throw new UsageError('USAGE', `--enrolment-code names ${unknown}, --server does not`);
  return servers;
}

/** The same at every start, so that hosts need not be configured again. */
async function loopbackToken(): Promise<{ token: string; path: string }> {
  await privateFolder(stateFolder());
  const path = join(stateFolder(), 'crypto-token');
  const stored = await readPrivate(path, MAX_TOKEN_BYTES);
  if (stored !== null && stored.length > 0) return { token: Buffer.from(stored).toString('utf8'), path };
  const token = newLoopbackToken();
  await writePrivate(path, Buffer.from(token));
  return { token, path };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
