/** What commands that work together have in common: where their records, their queue and their blobs lie. */
import type { Command } from 'commander';
import { UsageError } from '../src/errors.ts';
import { inviteTo } from '../src/server/hosting/invite.ts';
import type { ClusterAddresses } from '../src/server/inference/cluster/cluster-stores.ts';
import { openClusterStores } from '../src/server/inference/cluster/cluster-stores.ts';
import type { Inviter } from './hosting-options.ts';

export interface ClusterFlags {
  readonly database?: string;
  readonly blobs?: string;
}

export function addClusterOptions(command: Command): Command {
  return command
    .option(
      '--database <URL>',
      'records and queue of several servers: postgres://… (or HE_COMPILE_DATABASE, where a password may be in it)',
    )
    .option(
      '--blobs <URL>',
      'keys, inputs and results of several servers: s3://bucket/prefix, postgres, or a folder that all share (or HE_COMPILE_BLOBS; default: postgres)',
    );
}

/** Null: a server by itself. @throws UsageError */
export function clusterAddresses(flags: ClusterFlags): ClusterAddresses | null {
  const database = flags.database ?? process.env['HE_COMPILE_DATABASE'];
  const blobs = flags.blobs ?? process.env['HE_COMPILE_BLOBS'];
  if (database === undefined && blobs === undefined) return null;
  if (database === undefined)
    throw new UsageError('USAGE', '--blobs without --database', { hint: 'give --database postgres://…' });
  return { database, blobs: blobs ?? 'postgres' };
}

export const inviteToCluster =
  (addresses: ClusterAddresses): Inviter =>
  async (clientId, lifetimeMs) => {
    await using stores = await openClusterStores(addresses, true);
    return await inviteTo(stores.records, clientId, lifetimeMs);
  };
