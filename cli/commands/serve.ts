/**
 * `he-compile serve <artifact…> --http HOST:PORT | --stdio`. Nothing that this module imports can read or use a secret key; a
 * test keeps it so.
 */
import { availableParallelism, homedir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { readBounded } from '../../src/data/read-file.ts';
import { UsageError } from '../../src/errors.ts';
import type { ServerConfiguration, ServerLimits } from '../../src/server/inference/configuration.ts';
import { DEFAULT_LIMITS } from '../../src/server/inference/configuration.ts';
import { InferenceServer } from '../../src/server/inference/inference-server.ts';
import { invite } from '../../src/server/hosting/invite.ts';
import { jsonLog } from '../../src/server/hosting/log.ts';
import { HIGHEST_CHUNK_BYTES } from '../../src/server/protocol/identifiers.ts';
import { isLoopback, parseListenAddress } from '../../src/server/transport/listen-address.ts';
import { DEFAULT_PROXY_HEADER } from '../../src/server/transport/origin-address.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import { collect, naturalNumber } from '../parse-options.ts';
import { packageVersion } from '../versions.ts';

interface ServeFlags {
  readonly http?: string;
  readonly stdio?: boolean;
  readonly sse?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly state?: string;
  readonly invite?: string | true;
  readonly openEnrolment?: boolean;
  readonly allowUnsigned?: boolean;
  readonly clientCa?: readonly string[];
  readonly requireBearer?: boolean;
  readonly trustProxy?: readonly string[];
  readonly proxyHeader: string;
  readonly allowHost?: readonly string[];
  readonly allowOrigin?: readonly string[];
  readonly threads?: number;
  readonly evaluations?: number;
  readonly maxMemoryMb?: number;
  readonly maxChunkMb?: number;
  readonly maxStorageMb?: number;
  readonly clientRateMb?: number;
}

const MIB = 2 ** 20;
const MAX_PEM_BYTES = MIB;
const DEFAULT_THREADS = 2;
/** Messages on stdio are slow beyond this, and clients read no more than 10 MiB. */
const STDIO_CHUNK_BYTES = 4 * MIB;

export function define(command: Command, run: Runner): void {
  command
    .argument('[artifact...]', 'compiled models (.hemodel)')
    .option('--http <HOST:PORT>', 'Streamable HTTP at /mcp; without TLS on loopback only')
    .option('--stdio', 'messages on stdin and stdout')
    .option('--sse', 'also the older HTTP+SSE at /sse (with --http)')
    .option('--tls-cert <FILE>', 'certificate chain, PEM')
    .option('--tls-key <FILE>', 'its private key, PEM')
    .option(
      '--state <DIR>',
      'keys of clients, uploads and results (default: ~/.local/state/he-compile/server)',
    )
    .option('--invite [CLIENT]', 'print a one-time enrolment code (for this client_id) and end')
    .option('--open-enrolment', 'anyone who reaches the server may enrol without a code')
    .option('--allow-unsigned', 'clients may enrol without a key and call without signatures')
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
    .option('--threads <N>', 'worker threads of one evaluation', naturalNumber)
    .option(
      '--evaluations <N>',
      'evaluations at the same time (default: processors / threads)',
      naturalNumber,
    )
    .option('--max-memory-mb <N>', 'bound of all evaluation processes together', naturalNumber)
    .option('--max-storage-mb <N>', 'keys and inputs of all clients together, on disk', naturalNumber)
    .option('--client-rate-mb <N>', 'what one client may send a second, in the long run', naturalNumber)
    .option('--max-chunk-mb <N>', 'largest chunk of an upload, at most 32', naturalNumber)
    .action((artifacts: readonly string[], flags: ServeFlags) =>
      run((context) => serve(artifacts, flags, context)),
    );
}

async function serve(
  artifacts: readonly string[],
  flags: ServeFlags,
  context: CommandContext,
): Promise<Outcome> {
  const stateFolder = flags.state ?? defaultState();
  if (flags.invite !== undefined) return makeInvitation(stateFolder, flags.invite);
  requireSense(artifacts, flags);
  const configuration = await configurationOf(stateFolder, flags);
  const log = jsonLog((line) => process.stderr.write(line));
  await using server = await InferenceServer.open(artifacts, configuration, await packageVersion(), log);
  const ends: Promise<unknown>[] = [aborted(context.signal)];
  let url: string | null = null;
  if (flags.http !== undefined) {
    const listener = await server.listenHttp({
      address: parseListenAddress(flags.http),
      tls: await tlsOf(flags),
      sse: flags.sse === true,
      allowedHosts: flags.allowHost ?? [],
      allowedOrigins: flags.allowOrigin ?? [],
      requireBearer: requiresBearer(flags),
      proxies: { addresses: flags.trustProxy ?? [], header: flags.proxyHeader },
    });
    url = listener.url;
    context.note(`listening on ${url}`);
  }
  if (flags.stdio === true) ends.push(server.listenStdio().closed);
  if (server.clients === 0 && !configuration.enrolment.open) {
    const { code } = await invite(stateFolder, null, configuration.limits.enrolmentCodeLifetimeMs);
    context.note(`no client is enrolled yet; enrolment code, valid once and for a day: ${code}`);
  } else if (!configuration.enrolment.open) {
    context.note(`clients enrolled: ${server.clients}; "he-compile serve --invite" makes a code for another`);
  }
  await Promise.race(ends);
  return { document: { url, stopped: true }, text: flags.stdio === true ? '' : 'stopped' };
}

async function makeInvitation(stateFolder: string, name: string | true): Promise<Outcome> {
  const clientId = name === true ? null : name;
  const { code, expiresAt } = await invite(stateFolder, clientId, DEFAULT_LIMITS.enrolmentCodeLifetimeMs);
  const expires = new Date(expiresAt).toISOString();
  return {
    document: { enrolmentCode: code, clientId, expiresAt: expires },
    text: `${code} (valid once, until ${expires})`,
  };
}

/** @throws UsageError */
function requireSense(artifacts: readonly string[], flags: ServeFlags): void {
  const wrong = (message: string, hint: string): never => {
    throw new UsageError('USAGE', message, { hint });
  };
  if (artifacts.length === 0)
    wrong('no artifact is given', 'he-compile serve model.hemodel --http 127.0.0.1:8443');
  if (flags.http === undefined && flags.stdio !== true)
    wrong('no transport is given', 'add --http HOST:PORT or --stdio');
  if (flags.sse === true && flags.http === undefined) wrong('--sse needs --http', 'add --http HOST:PORT');
  // Who enrols without a code has nothing to show in the header.
  const codeless =
    flags.openEnrolment === true ? '--open-enrolment' : flags.clientCa === undefined ? null : '--client-ca';
  if (codeless !== null && requiresBearer(flags)) {
    wrong(
      `${codeless} is of no use where every request must have a token, as by default beyond loopback`,
      'add --no-require-bearer, or give clients codes: he-compile serve --invite',
    );
  }
  if ((flags.tlsCert === undefined) !== (flags.tlsKey === undefined)) {
    wrong('--tls-cert and --tls-key belong together', 'give both');
  }
  if ((flags.maxChunkMb ?? 0) * MIB > HIGHEST_CHUNK_BYTES)
    wrong('--max-chunk-mb is at most 32', 'give a smaller number');
}

/** Beyond loopback anyone may ask, and what is not read costs nothing. */
function requiresBearer({ http, requireBearer }: ServeFlags): boolean {
  return requireBearer ?? (http !== undefined && !isLoopback(parseListenAddress(http).host));
}

async function configurationOf(stateFolder: string, flags: ServeFlags): Promise<ServerConfiguration> {
  const threads = flags.threads ?? DEFAULT_THREADS;
  const authorities: string[] = [];
  for (const file of flags.clientCa ?? [])
    authorities.push(await readPem(file, 'the certificate of the authority'));
  const chunkBytes = flags.maxChunkMb === undefined ? DEFAULT_LIMITS.maxChunkBytes : flags.maxChunkMb * MIB;
  const limits: ServerLimits = {
    ...DEFAULT_LIMITS,
    maxChunkBytes: flags.stdio === true ? Math.min(chunkBytes, STDIO_CHUNK_BYTES) : chunkBytes,
    maxInlineResultBytes:
      flags.stdio === true
        ? Math.min(DEFAULT_LIMITS.maxInlineResultBytes, MIB)
        : DEFAULT_LIMITS.maxInlineResultBytes,
    // As many as have processors of their own.
    evaluationsAtOnce: flags.evaluations ?? Math.max(1, Math.floor(availableParallelism() / threads)),
    ...(flags.clientRateMb === undefined ? {} : { clientBytesPerSecond: flags.clientRateMb * MIB }),
    ...(flags.maxStorageMb === undefined ? {} : { storedBytes: flags.maxStorageMb * MIB }),
    ...(flags.maxMemoryMb === undefined ? {} : { maxMemoryBytes: flags.maxMemoryMb * MIB }),
  };
  return {
    stateFolder,
    limits,
    enrolment: {
      // On stdio alone the only caller is whoever started the server.
      open: flags.openEnrolment === true || flags.http === undefined,
      unsigned: flags.allowUnsigned === true,
      authorities,
    },
    threads,
  };
}

async function tlsOf(flags: ServeFlags): Promise<{ certificate: string; key: string } | null> {
  if (flags.tlsCert === undefined || flags.tlsKey === undefined) return null;
  return {
    certificate: await readPem(flags.tlsCert, 'the certificate'),
    key: await readPem(flags.tlsKey, 'the private key'),
  };
}

async function readPem(file: string, what: string): Promise<string> {
  return Buffer.from(await readBounded(file, MAX_PEM_BYTES, what)).toString('utf8');
}

function defaultState(): string {
  const base = process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state');
  return join(base, 'he-compile', 'server');
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
