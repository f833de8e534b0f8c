/**
 * `he-compile work --database postgres://… --blobs s3://…`: evaluates what front ends (`serve --database`) were sent. Nothing that this module
 * imports can read or use a secret key; a test keeps it so.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../../src/errors.ts';
import { jsonLog } from '../../src/server/hosting/log.ts';
import { ClusterWorker } from '../../src/server/inference/cluster/cluster-worker.ts';
import { listenForOperators } from '../../src/server/inference/cluster/operator-pages.ts';
import { DEFAULT_LIMITS } from '../../src/server/inference/configuration.ts';
import { parseListenAddress } from '../../src/server/transport/listen-address.ts';
import type { ClusterFlags } from '../cluster-options.ts';
import { addClusterOptions, clusterAddresses } from '../cluster-options.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import { aborted, defaultState, MIB } from '../hosting-options.ts';
import { naturalNumber } from '../parse-options.ts';

interface WorkFlags extends ClusterFlags {
  readonly threads?: number;
  readonly evaluations?: number;
  readonly maxMemoryMb?: number;
  readonly cache?: string;
  readonly cacheMb?: number;
  readonly http?: string;
  readonly drainSeconds?: number;
}

const DEFAULT_THREADS = 2;
const DEFAULT_CACHE_MB = 16_384;
/** Orchestrators wait half a minute before they kill. */
const DEFAULT_DRAIN_S = 25;

export function define(command: Command, run: Runner): void {
  addClusterOptions(command)
    .option('--threads <N>', 'worker threads of one evaluation', naturalNumber)
    .option(
      '--evaluations <N>',
      'evaluations at the same time (default: processors / threads)',
      naturalNumber,
    )
    .option('--max-memory-mb <N>', 'bound of all evaluation processes together', naturalNumber)
    .option(
      '--cache <DIR>',
      'keys that were used last, of this worker alone (default: ~/.local/state/he-compile/worker)',
    )
    .option('--cache-mb <N>', `bound of that on the disk (default: ${DEFAULT_CACHE_MB})`, naturalNumber)
    .option('--http <HOST:PORT>', '/livez, /readyz, /metrics, and /drain (POST) for operators')
    .option(
      '--drain-seconds <N>',
      `what is under way may take so long at the end (default: ${DEFAULT_DRAIN_S}), before another worker begins it anew`,
      naturalNumber,
    )
    .action((flags: WorkFlags) => run((context) => work(flags, context)));
}

async function work(flags: WorkFlags, context: CommandContext): Promise<Outcome> {
  const addresses = clusterAddresses(flags);
  if (addresses === null)
    throw new UsageError('USAGE', 'no database is given', {
      hint: 'he-compile work --database postgres://… --blobs s3://…, as the front ends have it',
    });
  const threads = flags.threads ?? DEFAULT_THREADS;
  const limits = {
    ...DEFAULT_LIMITS,
    evaluationsAtOnce: flags.evaluations ?? Math.max(1, Math.floor(availableParallelism() / threads)),
    ...(flags.maxMemoryMb === undefined ? {} : { maxMemoryBytes: flags.maxMemoryMb * MIB }),
    shutdownGraceMs: 1000 * (flags.drainSeconds ?? DEFAULT_DRAIN_S),
  };
  const log = jsonLog((line) => process.stderr.write(line));
  await using worker = await ClusterWorker.open(
    addresses,
    {
      ...{ limits, threads },
      cacheFolder: flags.cache ?? join(defaultState('worker'), 'cache'),
      cacheBytes: (flags.cacheMb ?? DEFAULT_CACHE_MB) * MIB,
    },
    log,
  );
  const ends: Promise<unknown>[] = [aborted(context.signal)];
  let url: string | null = null;
  if (flags.http !== undefined) {
    const pages = await listenForOperators(parseListenAddress(flags.http), worker);
    ({ url } = pages);
    ends.push(pages.drained);
    context.note(`listening on ${url}`);
  }
  context.note('takes jobs');
  await Promise.race(ends);
  return { document: { url, stopped: true }, text: 'stopped' };
}
