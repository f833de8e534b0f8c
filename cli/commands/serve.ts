/**
 * `he-compile serve <artifact…> --http HOST:PORT | --stdio`. Nothing that this module imports can read or use a secret key; a
 * test keeps it so.
 */
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { UsageError } from '../../src/errors.ts';
import { jsonLog } from '../../src/server/hosting/log.ts';
import { ServerIdentity } from '../../src/server/hosting/server-identity.ts';
import { openFrontParts } from '../../src/server/inference/cluster/front-parts.ts';
import type { ServerConfiguration, ServerLimits } from '../../src/server/inference/configuration.ts';
import { DEFAULT_LIMITS } from '../../src/server/inference/configuration.ts';
import { openEmbeddedParts } from '../../src/server/inference/embedded-parts.ts';
import { InferenceServer } from '../../src/server/inference/inference-server.ts';
import type { ClusterFlags } from '../cluster-options.ts';
import { addClusterOptions, clusterAddresses, inviteToCluster } from '../cluster-options.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import type { HostingFlags } from '../hosting-options.ts';
import {
  aborted,
  addHostingOptions,
  defaultState,
  enrolmentOf,
  inviteToFolder,
  limitsOf,
  listenSettings,
  makeInvitation,
  MIB,
  noteEnrolment,
  requireHostingSense,
} from '../hosting-options.ts';
import { naturalNumber } from '../parse-options.ts';
import { packageVersion } from '../versions.ts';

interface ServeFlags extends HostingFlags, ClusterFlags {
  readonly allowUnsigned?: boolean;
  readonly threads?: number;
  readonly evaluations?: number;
  readonly maxMemoryMb?: number;
  readonly serverKey?: string;
}

const DEFAULT_THREADS = 2;

export function define(command: Command, run: Runner): void {
  const own = addHostingOptions(
    command.argument('[artifact...]', 'compiled models (.hemodel)'),
    'keys of clients, uploads and results (default: ~/.local/state/he-compile/server)',
  )
    .option('--allow-unsigned', 'clients may enrol without a key and call without signatures')
    .option('--threads <N>', 'worker threads of one evaluation', naturalNumber)
    .option(
      '--evaluations <N>',
      'evaluations at the same time (default: processors / threads)',
      naturalNumber,
    )
    .option('--max-memory-mb <N>', 'bound of all evaluation processes together', naturalNumber)
    .option('--server-key <FILE>', 'Ed25519 key of all front ends of a cluster, PEM (with --database)');
  addClusterOptions(own).action((artifacts: readonly string[], flags: ServeFlags) =>
    run((context) => serve(artifacts, flags, context)),
  );
}

async function serve(
  artifacts: readonly string[],
  flags: ServeFlags,
  context: CommandContext,
): Promise<Outcome> {
  const stateFolder = flags.state ?? defaultState('server');
  const cluster = clusterAddresses(flags);
  const inviter = cluster === null ? inviteToFolder(stateFolder) : inviteToCluster(cluster);
  if (flags.invite !== undefined) return makeInvitation(inviter, flags.invite);
  if (artifacts.length === 0)
    throw new UsageError('USAGE', 'no artifact is given', {
      hint: 'he-compile serve model.hemodel --http 127.0.0.1:8443',
    });
  requireHostingSense(flags, 'serve');
  const configuration = await configurationOf(stateFolder, flags);
  const log = jsonLog((line) => process.stderr.write(line));
  const parts =
    cluster === null
      ? await openEmbeddedParts(artifacts, configuration, log)
      : await openFrontParts(artifacts, cluster, await serverKey(flags), configuration, log);
  await using server = await InferenceServer.of(parts, await packageVersion());
  const ends: Promise<unknown>[] = [aborted(context.signal)];
  let url: string | null = null;
  if (flags.http !== undefined) {
    ({ url } = await server.listenHttp(await listenSettings(flags, flags.http)));
    context.note(`listening on ${url}`);
  }
  if (flags.stdio === true) ends.push(server.listenStdio().closed);
  await noteEnrolment(context, 'serve', inviter, await server.clients(), configuration.enrolment.open);
  await Promise.race(ends);
  return { document: { url, stopped: true }, text: flags.stdio === true ? '' : 'stopped' };
}

function serverKey({ serverKey: file }: ServeFlags): Promise<ServerIdentity> {
  if (file === undefined)
    throw new UsageError('USAGE', 'front ends of a cluster have one key', {
      hint: 'make it once, and give it to all of them: openssl genpkey -algorithm ed25519 -out server-key.pem; --server-key server-key.pem',
    });
  return ServerIdentity.read(file);
}

async function configurationOf(stateFolder: string, flags: ServeFlags): Promise<ServerConfiguration> {
  const threads = flags.threads ?? DEFAULT_THREADS;
  const limits: ServerLimits = {
    ...DEFAULT_LIMITS,
    ...limitsOf(flags),
    maxInlineResultBytes:
      flags.stdio === true
        ? Math.min(DEFAULT_LIMITS.maxInlineResultBytes, MIB)
        : DEFAULT_LIMITS.maxInlineResultBytes,
    // As many as have processors of their own.
    evaluationsAtOnce: flags.evaluations ?? Math.max(1, Math.floor(availableParallelism() / threads)),
    ...(flags.maxMemoryMb === undefined ? {} : { maxMemoryBytes: flags.maxMemoryMb * MIB }),
  };
  return {
    ...{ stateFolder, limits, threads },
    enrolment: await enrolmentOf(flags, flags.allowUnsigned === true),
  };
}
