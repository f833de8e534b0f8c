/** What commands that serve others have in common: where they listen, who may enrol, and invitations. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { readBounded } from '../src/data/read-file.ts';
import { UsageError } from '../src/errors.ts';
import type { Invitation } from '../src/server/hosting/invite.ts';
import { invite } from '../src/server/hosting/invite.ts';
import type { EnrolmentPolicy } from '../src/server/hosting/limits.ts';
import { HOSTING_LIMITS } from '../src/server/hosting/limits.ts';
import { HIGHEST_CHUNK_BYTES } from '../src/server/protocol/identifiers.ts';
import type { HttpListenerOptions } from '../src/server/transport/http-listener.ts';
import { isLoopback, parseListenAddress } from '../src/server/transport/listen-address.ts';
import { DEFAULT_PROXY_HEADER } from '../src/server/transport/origin-address.ts';
import type { CommandContext, Outcome } from './command.ts';
import { collect, naturalNumber } from './parse-options.ts';

export interface HostingFlags {
  readonly http?: string;
  readonly stdio?: boolean;
  readonly sse?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly state?: string;
  readonly invite?: string | true;
  readonly openEnrolment?: boolean;
  readonly clientCa?: readonly string[];
  readonly requireBearer?: boolean;
  readonly trustProxy?: readonly string[];
  readonly proxyHeader: string;
  readonly allowHost?: readonly string[];
  readonly allowOrigin?: readonly string[];
  readonly maxChunkMb?: number;
  readonly maxStorageMb?: number;
  readonly clientRateMb?: number;
}

export const MIB = 2 ** 20;
const MAX_PEM_BYTES = MIB;
/** Messages on stdio are slow beyond this, and clients read no more than 10 MiB. */
export const STDIO_CHUNK_BYTES = 4 * MIB;

/** @param state what the state folder holds, and where it is if nobody says */
export function addHostingOptions(command: Command, state: string): Command {
  return command
    .option('--http <HOST:PORT>', 'Streamable HTTP at /mcp; without TLS on loopback only')
    .option('--stdio', 'messages on stdin and stdout')
    .option('--sse', 'also the older HTTP+SSE at /sse (with --http)')
    .option('--tls-cert <FILE>', 'certificate chain, PEM')
    .option('--tls-key <FILE>', 'its private key, PEM')
    .option('--state <DIR>', state)
    .option('--invite [CLIENT]', 'print a one-time enrolment code (for this client_id) and end')
    .option('--open-enrolment', 'anyone who reaches the server may enrol without a code')
    .option(
      '--client-ca <FILE>',
      'authority whose certificates enrol clients, PEM; repeatable',
      collect(String),
    )
    .option(
      '--require-bearer',
      'refuse HTTP requests without a token in their Authorization header, or an unused enrolment code (default beyond loopback)',
    )
    .option('--no-require-bearer', 'take them beyond loopback, too: for enrolment without a code')
    .option(
      '--trust-proxy <ADDRESS>',
      'address or network of a proxy whose header tells where requests come from; repeatable',
      collect(String),
    )
    .option('--proxy-header <NAME>', 'in which it tells', DEFAULT_PROXY_HEADER)
    .option('--allow-host <NAME>', 'name by which the server is called; repeatable', collect(String))
    .option('--allow-origin <NAME>', 'host of web pages that may call; repeatable', collect(String))
    .option('--max-storage-mb <N>', 'what clients have stored here, all together, on disk', naturalNumber)
    .option('--client-rate-mb <N>', 'what one client may send a second, in the long run', naturalNumber)
    .option('--max-chunk-mb <N>', 'largest chunk of an upload, at most 32', naturalNumber);
}

/** @param command as the hint names it. @throws UsageError */
export function requireHostingSense(flags: HostingFlags, command: string): void {
  const wrong = (message: string, hint: string): never => {
    throw new UsageError('USAGE', message, { hint });
  };
  if (flags.http === undefined && flags.stdio !== true)
    wrong('no transport is given', 'add --http HOST:PORT or --stdio');
  if (flags.sse === true && flags.http === undefined) wrong('--sse needs --http', 'add --http HOST:PORT');
  // Who enrols without a code has nothing to show in the header.
  const codeless =
    flags.openEnrolment === true ? '--open-enrolment' : flags.clientCa === undefined ? null : '--client-ca';
  if (codeless !== null && requiresBearer(flags)) {
    wrong(
      `${codeless} is of no use where every request must have a token, as by default beyond loopback`,
      `add --no-require-bearer, or give clients codes: he-compile ${command} --invite`,
    );
  }
  if ((flags.tlsCert === undefined) !== (flags.tlsKey === undefined)) {
    wrong('--tls-cert and --tls-key belong together', 'give both');
  }
  if ((flags.maxChunkMb ?? 0) * MIB > HIGHEST_CHUNK_BYTES)
    wrong('--max-chunk-mb is at most 32', 'give a smaller number');
}

/** Beyond loopback anyone may ask, and what is not read costs nothing. */
function requiresBearer({ http, requireBearer }: HostingFlags): boolean {
  return requireBearer ?? (http !== undefined && !isLoopback(parseListenAddress(http).host));
}

export async function listenSettings(
  flags: HostingFlags,
  http: string,
): Promise<
  Pick<
    HttpListenerOptions,
    'address' | 'tls' | 'sse' | 'allowedHosts' | 'allowedOrigins' | 'requireBearer' | 'proxies'
  >
> {
  return {
    address: parseListenAddress(http),
    tls: await tlsOf(flags),
    sse: flags.sse === true,
    allowedHosts: flags.allowHost ?? [],
    allowedOrigins: flags.allowOrigin ?? [],
    requireBearer: requiresBearer(flags),
    proxies: { addresses: flags.trustProxy ?? [], header: flags.proxyHeader },
  };
}

/** Limits that flags change; the rest is as by default. */
export function limitsOf(flags: HostingFlags): {
  maxChunkBytes: number;
  clientBytesPerSecond?: number;
  storedBytes?: number;
} {
  const chunkBytes = flags.maxChunkMb === undefined ? HOSTING_LIMITS.maxChunkBytes : flags.maxChunkMb * MIB;
  return {
    maxChunkBytes: flags.stdio === true ? Math.min(chunkBytes, STDIO_CHUNK_BYTES) : chunkBytes,
    ...(flags.clientRateMb === undefined ? {} : { clientBytesPerSecond: flags.clientRateMb * MIB }),
    ...(flags.maxStorageMb === undefined ? {} : { storedBytes: flags.maxStorageMb * MIB }),
  };
}

export async function enrolmentOf(flags: HostingFlags, unsigned: boolean): Promise<EnrolmentPolicy> {
  const authorities: string[] = [];
  for (const file of flags.clientCa ?? [])
    authorities.push(await readPem(file, 'the certificate of the authority'));
  // On stdio alone the only caller is whoever started the server.
  return { open: flags.openEnrolment === true || flags.http === undefined, unsigned, authorities };
}

/** Makes a code for this name, or for any. */
export interface Inviter {
  (clientId: string | null, lifetimeMs: number): Promise<Invitation>;
}

export const inviteToFolder =
  (stateFolder: string): Inviter =>
  (clientId, lifetimeMs) =>
    invite(stateFolder, clientId, lifetimeMs);

export async function makeInvitation(inviter: Inviter, name: string | true): Promise<Outcome> {
  const clientId = name === true ? null : name;
  const { code, expiresAt } = await inviter(clientId, HOSTING_LIMITS.enrolmentCodeLifetimeMs);
  const expires = new Date(expiresAt).toISOString();
  return {
    document: { enrolmentCode: code, clientId, expiresAt: expires },
    text: `${code} (valid once, until ${expires})`,
  };
}

/**
 * Says how clients come to be enrolled, unless anyone may.
 * @param first who has to be the first, with a code for that name; null: anyone
 */
export async function noteEnrolment(
  context: CommandContext,
  command: string,
  inviter: Inviter,
  clients: number,
  open: boolean,
  first: string | null = null,
): Promise<void> {
  if (open && first === null) return;
  if (clients > 0) {
    context.note(`clients enrolled: ${clients}; "he-compile ${command} --invite" makes a code for another`);
    return;
  }
  const { code } = await inviter(first, HOSTING_LIMITS.enrolmentCodeLifetimeMs);
  const whom = first === null ? '' : ` for ${first}`;
  context.note(`no client is enrolled yet; enrolment code${whom}, valid once and for a day: ${code}`);
}

async function tlsOf(flags: HostingFlags): Promise<{ certificate: string; key: string } | null> {
  if (flags.tlsCert === undefined || flags.tlsKey === undefined) return null;
  return {
    certificate: await readPem(flags.tlsCert, 'the certificate'),
    key: await readPem(flags.tlsKey, 'the private key'),
  };
}

async function readPem(file: string, what: string): Promise<string> {
  return Buffer.from(await readBounded(file, MAX_PEM_BYTES, what)).toString('utf8');
}

/** @param name of the folder for this kind of server */
export function defaultState(name: string): string {
  const base = process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state');
  return join(base, 'he-compile', name);
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
